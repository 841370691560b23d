#include <gmock/gmock.h>

#include "tests/support/gates.hpp"
#include "tests/support/mistakes.hpp"

namespace moesim {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;

// Groups {0, 1}: 0.5, {2, 3}: 0.3, {4, 5}: 0.2. The first two are chosen, with 5/8 and 3/8; inside,
// 0.3 and 0.2 of 0.5, 0.2 and 0.1 of 0.3.
TEST(HierarchicalGate, MultipliesTheWeightsOfBothLevels) {
  const Routing routing = logit_routing({{shares({0.3F, 0.2F, 0.2F, 0.1F, 0.15F, 0.05F})}}, 4);
  const GateResult result = apply_gate({.section = "{kind: hierarchical, groups: 3}"}, routing);
  EXPECT_THAT(gate_ids(result), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(result.routing.weights,
              ElementsAre(FloatNear(0.375F, 1e-5F), FloatNear(0.25F, 1e-5F),
                          FloatNear(0.25F, 1e-5F), FloatNear(0.125F, 1e-5F)));
}

// Room for 0.5 · 2 / 2 = 0.5, rounded to 1 token in each group: both tokens prefer group 0.
TEST(HierarchicalGate, LeavesTokensOutOfAFullGroup) {
  const Routing routing =
      logit_routing({{shares({0.4F, 0.3F, 0.2F, 0.1F}), shares({0.4F, 0.3F, 0.2F, 0.1F})}}, 2);
  const GateResult result =
      apply_gate({.section = "{kind: hierarchical, group_capacity_factor: 0.5}"}, routing);
  EXPECT_THAT(gate_ids(result), ElementsAre(0, 1, 2, 3, -1, -1, -1, -1));
  EXPECT_EQ(result.record.unrouted_tokens, 1);
}

TEST(HierarchicalGate, RefusesGroupsOfOneExpert) {
  EXPECT_THAT(mistake_of([] {
                apply_gate({.section = "{kind: hierarchical, groups: 4}"}, random_logits(1, 4, 1));
              }),
              HasSubstr("4 groups do not divide the 4 experts of test into groups of two or more"));
}

}  // namespace
}  // namespace moesim
