#include <gmock/gmock.h>

#include "tests/support/gates.hpp"
#include "tests/support/mistakes.hpp"

namespace moesim {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;

// policies.md section 9, item 2.
TEST(NoisyTopkGate, IsTopkWithoutNoise) {
  const Routing routing = random_logits(200, 16, 4);
  const GateResult plain = apply_gate({.section = "topk_then_softmax"}, routing);
  for (const char* section : {"{kind: noisy_topk, noise_logit: -100, epsilon: 0}",
                              "{kind: noisy_topk, variant: tutel, noise_scale: 0}"}) {
    const GateResult noiseless = apply_gate({.section = section}, routing);
    EXPECT_EQ(noiseless.routing.ids, plain.routing.ids) << section;
    EXPECT_EQ(noiseless.routing.weights, plain.routing.weights) << section;
  }
}

// Two experts with equal logits: the noise decides, for either of them half of the time.
TEST(NoisyTopkGate, LetsTheNoiseDecideBetweenEqualExperts) {
  const Routing routing =
      logit_routing({std::vector<std::vector<float>>(1000, std::vector<float>{0, 0})}, 1);
  for (const char* variant : {"shazeer", "vmoe", "tutel", "gumbel_first"}) {
    const GateResult result = apply_gate(
        {.section = std::string("{kind: noisy_topk, variant: ") + variant + "}"}, routing);
    EXPECT_NEAR(result.routing.counts.raw()[0], 500, 60) << variant;  // 3.8 deviations of 15.8
  }
}

// The first choice is the argmax; the second is drawn by its share among the others: e² to 1.
TEST(NoisyTopkGate, SamplesTheSecondExpertByItsShare) {
  const Routing routing =
      logit_routing({std::vector<std::vector<float>>(2000, std::vector<float>{9, 2, 0})}, 2);
  const GateResult result =
      apply_gate({.section = "{kind: noisy_topk, variant: gumbel_second}"}, routing);
  EXPECT_EQ(result.routing.counts.raw()[0], 2000);
  EXPECT_NEAR(result.routing.counts.raw()[1], 2000 * 0.8808, 60);
}

TEST(NoisyTopkGate, DrawsTheSameNoiseForTheSameTokenStepAndLayer) {
  const Routing routing = random_logits(50, 16, 2);
  const GateRun run{.section = "noisy_topk", .step = 3, .layer = 2};
  const GateResult once = apply_gate(run, routing), again = apply_gate(run, routing);
  EXPECT_EQ(once.routing.ids, again.routing.ids);
  GateRun other = run;
  other.step = 4;
  EXPECT_NE(apply_gate(other, routing).routing.ids, once.routing.ids);
}

}  // namespace
}  // namespace moesim
