#include <gmock/gmock.h>

#include "tests/support/gates.hpp"
#include "tests/support/mistakes.hpp"

namespace moesim {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;

TEST(TopkThenSoftmaxGate, WeighsTheChosenAgainstEachOtherTimesAFactor) {
  const Routing routing = logit_routing({{shares({0.6F, 0.1F, 0.3F})}}, 2);
  const GateResult result = apply_gate({.section = "{kind: topk_then_softmax, scale: 3}"}, routing);
  EXPECT_THAT(gate_ids(result), ElementsAre(0, 2));
  EXPECT_THAT(result.routing.weights, ElementsAre(FloatNear(2, 1e-5F), FloatNear(1, 1e-5F)));
  EXPECT_EQ(result.record.changed, 0);
}

}  // namespace
}  // namespace moesim
