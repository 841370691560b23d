#include <gmock/gmock.h>

#include "tests/support/gates.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;

class FasterMoeTopologyGate : public ::testing::Test {
 protected:
  // Experts 0 and 1 on node 0, 2 and 3 on node 1. Tokens 0 and 1 of source 0 want to leave.
  const LayerPlacement placement = two_experts_a_gpu(2);
  const Routing routing =
      logit_routing({{{4, 1, 5, 0}, {2, 3, 0, 6}, {5, 4, 0, 0}, {0, 5, 4, 0}}, {}}, 2);

  GateResult gate(const std::string& fraction) const {
    return apply_gate(
        {.section = "{kind: fastermoe_topology, node_gpus: 1, fraction: " + fraction + "}",
         .placement = &placement},
        routing);
  }
};

// One token of four may go: token 1, whose logit is 6. It keeps that expert as its second; all else
// is top-2 on node 0, also the second choice of token 3.
TEST_F(FasterMoeTopologyGate, LetsTheTokensThatWantItMostLeaveTheirNode) {
  const GateResult result = gate("0.25");
  EXPECT_THAT(gate_ids(result), ElementsAre(0, 1, 1, 3, 0, 1, 1, 0));
  // A softmax over the logits 3 and 6 that are kept.
  EXPECT_THAT(result.routing.weights[2], FloatNear(0.047426F, 1e-5F));
  EXPECT_THAT(result.routing.weights[3], FloatNear(0.952574F, 1e-5F));
}

// Two want to, three may: nothing is changed.
TEST_F(FasterMoeTopologyGate, IsPlainTop2WhereFewWantToLeave) {
  EXPECT_THAT(gate_ids(gate("0.75")), ElementsAre(2, 0, 3, 1, 0, 1, 1, 2));
}

TEST_F(FasterMoeTopologyGate, CountsACopyOnTheNodeAsThere) {
  IdVector<SlotId, ExpertId> experts(6);
  int slot = 0;
  for (const int expert : {0, 1, 3, 2, 3, 0}) experts[SlotId(slot++)] = ExpertId(expert);
  const LayerPlacement shadowed = make_layer_placement(even_first_slots(6, 2), experts, 4);
  const GateResult result = apply_gate(
      {.section = "{kind: fastermoe_topology, node_gpus: 1, fraction: 0}", .placement = &shadowed},
      routing);
  EXPECT_THAT(gate_ids(result), ElementsAre(0, 1, 3, 1, 0, 1, 1, 0));
}

}  // namespace
}  // namespace moesim
