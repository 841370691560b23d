#include <gmock/gmock.h>

#include "tests/support/gates.hpp"
#include "tests/support/mistakes.hpp"

namespace moesim {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;

// Both tokens like expert 0, the second by less: an even load gives it expert 1.
TEST(SinkhornGate, GivesEveryExpertItsShare) {
  const Routing routing = logit_routing({{{4, 0}, {1, 0}}}, 1);
  EXPECT_THAT(routing.ids, ElementsAre(0, 0));
  const GateResult result = apply_gate({.section = "sinkhorn"}, routing);
  EXPECT_THAT(gate_ids(result), ElementsAre(0, 1));
  // Weights are the sigmoids of the logits.
  EXPECT_THAT(result.routing.weights,
              ElementsAre(FloatNear(0.98201F, 1e-4F), FloatNear(0.5F, 1e-5F)));
}

TEST(SinkhornGate, BalancesEachSourceOnItsOwn) {
  // Over all four tokens the experts are liked alike, so that each would get its own.
  const Routing routing = logit_routing({{{4, 0}, {1, 0}}, {{0, 4}, {0, 1}}}, 1);
  EXPECT_THAT(gate_ids(apply_gate({.section = "sinkhorn"}, routing)), ElementsAre(0, 1, 1, 0));
}

}  // namespace
}  // namespace moesim
