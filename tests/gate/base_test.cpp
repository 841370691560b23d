#include <gmock/gmock.h>

#include "tests/support/gates.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;

// All like expert 0. Two may have it: those that lose most elsewhere, 8 and 6 against 1 and 1.
TEST(BaseGate, GivesEveryExpertAsManyTokensWithTheLargestSum) {
  const Routing routing = logit_routing({{{9, 8}, {8, 0}, {7, 1}, {1, 0}}}, 1);
  const GateResult result = apply_gate({.section = "base"}, routing);
  EXPECT_THAT(gate_ids(result), ElementsAre(1, 0, 0, 1));
  // Weights are the sigmoids of the logits.
  EXPECT_THAT(result.routing.weights,
              ElementsAre(FloatNear(0.999665F, 1e-5F), FloatNear(0.999665F, 1e-5F),
                          FloatNear(0.999089F, 1e-5F), FloatNear(0.5F, 1e-5F)));
}

// Of the tokens of source 0 alone one must take expert 1; over all, each gets its best.
TEST(BaseGate, AssignsTheTokensOfASourceOrOfAll) {
  const Routing routing = logit_routing({{{4, 0}, {1, 0}}, {{0, 4}, {0, 1}}}, 1);
  EXPECT_THAT(gate_ids(apply_gate({.section = "base"}, routing)), ElementsAre(0, 1, 1, 0));
  EXPECT_THAT(gate_ids(apply_gate({.section = "{kind: base, scope: all}"}, routing)),
              ElementsAre(0, 0, 1, 1));
}

TEST(BaseGate, GivesNoTokenToAnExpertThatNobodyMayAskFor) {
  const float never = -INFINITY;
  const Routing routing = logit_routing({{{4, never, 0}, {5, never, 0}}}, 1);
  EXPECT_THAT(gate_ids(apply_gate({.section = "base"}, routing)), ElementsAre(2, 0));
}

}  // namespace
}  // namespace moesim
