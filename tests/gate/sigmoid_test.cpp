#include <gmock/gmock.h>

#include "tests/support/gates.hpp"
#include "tests/support/mistakes.hpp"

namespace moesim {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;

TEST(SigmoidGate, GivesASingleExpertItsOwnScore) {
  const Routing routing = logit_routing({{{std::log(3.0F), 0}}}, 1);
  EXPECT_THAT(apply_gate({.section = "sigmoid"}, routing).routing.weights,
              ElementsAre(FloatNear(0.75F, 1e-6F)));
  // softplus(ln 3) = ln 4.
  EXPECT_THAT(apply_gate({.section = "{kind: sigmoid, score: sqrt_softplus, scale: 2}"}, routing)
                  .routing.weights,
              ElementsAre(FloatNear(2 * std::sqrt(std::log(4.0F)), 1e-6F)));
}

}  // namespace
}  // namespace moesim
