#include <gmock/gmock.h>

#include "tests/support/gates.hpp"
#include "tests/support/mistakes.hpp"

namespace moesim {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;

const std::vector<std::vector<float>> kTokens(100, shares({0.97F, 0.01F, 0.01F, 0.01F}));

// With the article's epsilon an expert without load wins almost surely: the loads stay level.
TEST(LoadBalancedSamplingGate, LevelsTheLoadWhateverThePreference) {
  const Routing routing = logit_routing({std::vector(kTokens.begin(), kTokens.begin() + 4)}, 1);
  const GateResult result = apply_gate({.section = "load_balanced_sampling"}, routing);
  EXPECT_THAT(result.routing.counts.raw(), Each(1));
}

TEST(LoadBalancedSamplingGate, FollowsThePreferenceWhereEpsilonIsLarge) {
  const GateResult result = apply_gate({.section = "{kind: load_balanced_sampling, epsilon: 1e9}"},
                                       logit_routing({kTokens}, 1));
  EXPECT_GT(result.routing.counts.raw()[0], 85);
}

// Experts 0 and 1 share a GPU, so their loads count together: the first two tokens go to
// different GPUs, not only to different experts.
TEST(LoadBalancedSamplingGate, MayLookAtTheQueueOfTheGpu) {
  const LayerPlacement placement = two_experts_a_gpu(2);
  const Routing routing =
      logit_routing({std::vector<std::vector<float>>(2, shares({0.49F, 0.49F, 0.01F, 0.01F}))}, 1);
  const GateResult result = apply_gate(
      {.section = "{kind: load_balanced_sampling, load_scope: queue}", .placement = &placement},
      routing);
  const auto& counts = result.routing.counts.raw();
  EXPECT_EQ(counts[0] + counts[1], 1);
  EXPECT_EQ(counts[2] + counts[3], 1);
}

// 0.5 of the old average 8, and half of the 4 routes that came.
TEST(LoadBalancedSamplingGate, CarriesTheAverageOverSteps) {
  const Routing routing = logit_routing({std::vector(kTokens.begin(), kTokens.begin() + 4)}, 1);
  const GateResult result =
      apply_gate({.section = "{kind: load_balanced_sampling, load_scope: ema, smoothing: 0.5, "
                             "epsilon: 1e-9}",
                  .step = 1,
                  .state = {8, 8, 8, 0}},
                 routing);
  EXPECT_NEAR(result.state[0] + result.state[1] + result.state[2] + result.state[3], 12 + 2, 1e-4);
  EXPECT_GE(result.routing.counts.raw()[3], 1);  // who had nothing is first
}

}  // namespace
}  // namespace moesim
