#include <gmock/gmock.h>

#include "tests/support/gates.hpp"
#include "tests/support/mistakes.hpp"

namespace moesim {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;

TEST(TopPGate, TakesAsFewExpertsAsHaveTheShare) {
  const Routing routing =
      logit_routing({{shares({0.6F, 0.3F, 0.1F}), shares({0.36F, 0.33F, 0.31F})}}, 1);
  const GateResult result = apply_gate({.section = "{kind: top_p, p: 0.5}"}, routing);
  EXPECT_EQ(result.routing.top_k, 2);
  EXPECT_THAT(gate_ids(result), ElementsAre(0, -1, 0, 1));
  EXPECT_THAT(gate_ids(apply_gate({.section = "{kind: top_p, p: 0.5, most: 1}"}, routing)),
              ElementsAre(0, 0));
}

}  // namespace
}  // namespace moesim
