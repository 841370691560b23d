#include <gmock/gmock.h>

#include "tests/support/gates.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;

// Two GPUs of two experts, two tokens each: a GPU takes two routes. All want expert 0; GPU 0 takes
// those of source 0, the others go to GPU 1's expert 0 mod 2.
TEST(SwipeGate, SendsWhatAGpuHasNoBudgetForToTheNextOneThatHas) {
  const LayerPlacement placement = two_experts_a_gpu(2);
  const std::vector<float> token{4, 3, 2, 1};
  const Routing routing = logit_routing({{token, token}, {token, token}}, 1);
  EXPECT_THAT(gate_ids(apply_gate({.section = "swipe", .placement = &placement}, routing)),
              ElementsAre(0, 0, 2, 2));
}

// With k = 2 a GPU takes four routes: the first choices use up GPU 0, so that every second choice
// goes to GPU 1, at expert 1 mod 2.
TEST(SwipeGate, UsesUpTheBudgetChoiceByChoice) {
  const LayerPlacement placement = two_experts_a_gpu(2);
  const std::vector<float> token{4, 3, 2, 1};
  const Routing routing = logit_routing({{token, token}, {token, token}}, 2);
  const GateResult result = apply_gate({.section = "swipe", .placement = &placement}, routing);
  EXPECT_THAT(gate_ids(result), ElementsAre(0, 3, 0, 3, 0, 3, 0, 3));
  // A softmax over the logits 4 and 1.
  EXPECT_THAT(result.routing.weights[0], FloatNear(0.952574F, 1e-5F));
  EXPECT_THAT(result.routing.weights[1], FloatNear(0.047426F, 1e-5F));
}

}  // namespace
}  // namespace moesim
