// Uniform assignment (MegaBlocks, DBRX; policies.md 1.10): route i of a source goes to expert
// i mod experts, whatever the logits.
#include "sim/gate/gate_result.hpp"

namespace moesim {
namespace {

class RoundRobin final : public Gate {
 public:
  explicit RoundRobin(const Arguments&) {}
  RoutingDetail needs() const override { return RoutingDetail::kIds; }

  GateResult apply(Routing recorded, const GateRequest& request) const override {
    const int experts = request.model.experts;
    Gating gating = empty_gating(recorded.tokens(), experts, request.model.top_k);
    for (std::size_t gpu = 0; gpu + 1 < recorded.first_token.size(); ++gpu) {
      int route = 0;
      for (int token = recorded.first_token[gpu]; token < recorded.first_token[gpu + 1]; ++token)
        for (std::int16_t& id : gating.ids_of(token))
          id = static_cast<std::int16_t>(route++ % experts);
    }
    gating.weights.assign(gating.ids.size(), 1.0F / static_cast<float>(gating.top_k));
    return finish_gating(std::move(recorded), gating, request);
  }
};

const Register<Gate, RoundRobin> kRoundRobin{
    {.name = "round_robin",
     .summary = "route i of a source goes to expert i mod experts",
     .source = "MegaBlocks, DBRX; policies.md 1.10"}};

}  // namespace
}  // namespace moesim
