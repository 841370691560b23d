#include "sim/gated_trace.hpp"

#include <utility>

namespace moesim {

GatedTrace::GatedTrace(const Scenario& scenario, const Trace& trace, const EventTimeline& timeline,
                       std::unique_ptr<Gate> gate)
    : scenario_(scenario),
      trace_(trace),
      timeline_(timeline),
      gate_(std::move(gate)),
      memory_(scenario.model.moe_layers.size()) {}

GatedRoutes GatedTrace::gated(StepId step, LayerId layer, const LayerPlacement& placement,
                              std::span<const int> tokens, RoutingDetail detail,
                              std::span<const float> state) const {
  const RoutingPlace place{.step = step, .layer = layer, .random = Random(scenario_.seed)};
  const Conditions& conditions = timeline_.at(step.value);
  const std::vector<int> served = tokens_under(conditions, tokens);
  Routing recorded = trace_.route({.step = step,
                                   .layer = layer,
                                   .tokens = served,
                                   .detail = detail,
                                   .random = place.random,
                                   .classes = classes_});
  apply_before_gate(recorded, conditions, place);
  std::optional<MoeModel> changed;
  if (conditions.top_k) changed = scenario_.model, changed->top_k = *conditions.top_k;
  GatedRoutes routes{
      .result = gate_->apply(std::move(recorded), {.model = changed ? *changed : scenario_.model,
                                                   .step = step,
                                                   .layer = layer,
                                                   .random = place.random,
                                                   .state = state,
                                                   .cluster = scenario_.cluster.get(),
                                                   .placement = &placement})};
  routes.masked = apply_after_gate(routes.result.routing, conditions, place);
  return routes;
}

GatedRoutes GatedTrace::route(StepId step, LayerId layer, const LayerPlacement& placement,
                              std::span<const int> tokens, RoutingDetail detail) const {
  const auto routed = [&](int at, std::span<const float> state) {
    return gated(StepId(at), layer, placement, tokens, detail, state);
  };
  if (!gate_->keeps_state()) return routed(step.value, {});
  Memory& memory = memory_[layer.index()];
  if (step.value == memory.step) return routed(step.value, memory.before);
  if (step.value < memory.step) memory = {};
  while (true) {
    ++memory.step;
    memory.before = std::move(memory.after);
    GatedRoutes routes = routed(memory.step, memory.before);
    memory.after = routes.result.state;
    if (memory.step == step.value) return routes;
  }
}

}  // namespace moesim
