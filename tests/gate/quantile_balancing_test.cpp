#include <gmock/gmock.h>

#include "tests/support/gates.hpp"
#include "tests/support/mistakes.hpp"

namespace moesim {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;

// Probabilities 0.9, 0.8, 0.7, 0.2 of expert 0. Alpha is the score that is not chosen: 0.1, 0.2,
// 0.3, 0.2. Expert 0's excess is 0.8, 0.6, 0.4, 0, expert 1's 0, 0, 0, 0.6; the mean load is 2, and
// the third largest are 0.4 and 0.
TEST(QuantileBalancingGate, FindsTheThresholdOfAnEvenLoad) {
  const Routing routing = logit_routing(
      {{shares({0.9F, 0.1F}), shares({0.8F, 0.2F}), shares({0.7F, 0.3F}), shares({0.2F, 0.8F})}},
      1);
  GateRun run{.section = "{kind: quantile_balancing, score: softmax}"};
  const GateResult first = apply_gate(run, routing);
  EXPECT_THAT(gate_ids(first), ElementsAre(0, 0, 0, 1));
  EXPECT_THAT(first.state, ElementsAre(FloatNear(0.4F, 1e-5F), FloatNear(0, 1e-5F)));
  run.step = 1;
  run.state = {0.45F, 0};
  EXPECT_THAT(gate_ids(apply_gate(run, routing)), ElementsAre(0, 0, 1, 1));
}

TEST(QuantileBalancingGate, NeedsAWholeMeanLoad) {
  EXPECT_THAT(
      mistake_of([] { apply_gate({.section = "quantile_balancing"}, random_logits(3, 4, 2)); }),
      HasSubstr("3 tokens · 2 do not divide over 4 experts"));
}

}  // namespace
}  // namespace moesim
