#include <gmock/gmock.h>

#include "tests/support/gates.hpp"
#include "tests/support/mistakes.hpp"

namespace moesim {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;

TEST(TemperatureSoftmaxGate, SharpensTheWeightsAndKeepsTheExperts) {
  const Routing routing = logit_routing({{shares({0.6F, 0.1F, 0.3F})}}, 2);
  // At temperature 1/2 the shares are squared: 4 to 1.
  const GateResult result =
      apply_gate({.section = "{kind: temperature_softmax, temperature: 0.5}"}, routing);
  EXPECT_THAT(gate_ids(result), ElementsAre(0, 2));
  EXPECT_THAT(result.routing.weights, ElementsAre(FloatNear(0.8F, 1e-5F), FloatNear(0.2F, 1e-5F)));
}

}  // namespace
}  // namespace moesim
