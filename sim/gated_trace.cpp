#include "sim/gated_trace.hpp"

#include <utility>

namespace moesim {

GatedTrace::GatedTrace(const Scenario& scenario, const Trace& trace, std::unique_ptr<Gate> gate)
    : scenario_(scenario),
      trace_(trace),
      gate_(std::move(gate)),
      memory_(scenario.model.moe_layers.size()) {}

GateResult GatedTrace::route(StepId step, LayerId layer, const LayerPlacement& placement,
                             std::span<const int> tokens, RoutingDetail detail) const {
  const Random random(scenario_.seed);
  const auto routed = [&](int at, std::span<const float> state) {
    Routing recorded = trace_.route(
        {.step = StepId(at), .layer = layer, .tokens = tokens, .detail = detail, .random = random});
    return gate_->apply(std::move(recorded), {.model = scenario_.model,
                                              .step = StepId(at),
                                              .layer = layer,
                                              .random = random,
                                              .state = state,
                                              .cluster = scenario_.cluster.get(),
                                              .placement = &placement});
  };
  if (!gate_->keeps_state()) return routed(step.value, {});
  Memory& memory = memory_[layer.index()];
  if (step.value == memory.step) return routed(step.value, memory.before);
  if (step.value < memory.step) memory = {};
  while (true) {
    ++memory.step;
    memory.before = std::move(memory.after);
    GateResult result = routed(memory.step, memory.before);
    memory.after = result.state;
    if (memory.step == step.value) return result;
  }
}

}  // namespace moesim
