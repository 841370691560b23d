#include <gmock/gmock.h>

#include "tests/support/gates.hpp"
#include "tests/support/mistakes.hpp"

namespace moesim {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;

// Fifty deviations above or below the others, the free experts are always chosen or never.
TEST(ZeroExpertsGate, CountsRoutesThatCostNothingAndTakesThemOut) {
  const Routing routing = random_logits(100, 8, 2);
  const GateResult up =
      apply_gate({.section = "{kind: zero_experts, count: 2, shift: 50}"}, routing);
  EXPECT_EQ(up.record.free_routes, 200);
  EXPECT_EQ(up.record.routes, 0);
  EXPECT_EQ(up.record.unrouted_tokens, 100);
  EXPECT_THAT(gate_ids(up), Each(-1));
  const GateResult down =
      apply_gate({.section = "{kind: zero_experts, count: 2, shift: -50}"}, routing);
  EXPECT_EQ(down.record.free_routes, 0);
  EXPECT_EQ(down.routing.ids, routing.ids);
}

// Drawn like the others, sixteen free experts beside 64 take a fifth of the routes.
TEST(ZeroExpertsGate, DrawsFreeExpertsLikeTheOthers) {
  const GateResult result =
      apply_gate({.section = "{kind: zero_experts, count: 16}"}, random_logits(2000, 64, 2, 3));
  EXPECT_NEAR(static_cast<double>(result.record.free_routes) / 4000, 0.2, 0.03);
}

}  // namespace
}  // namespace moesim
