// Gates on hand-written logits.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "sim/gate/gate.hpp"
#include "tests/support/plugin.hpp"

namespace moesim {

// Tokens of one layer: `logits[gpu][token][expert]`. Their recorded experts are the top-k of the
// logits, equal ones by the lower expert.
inline Routing logit_routing(const std::vector<std::vector<std::vector<float>>>& logits,
                             int top_k) {
  Routing routing{.top_k = top_k, .first_token = {0}};
  int experts = 0;
  for (const auto& tokens : logits) {
    for (const auto& row : tokens) {
      experts = static_cast<int>(row.size());
      routing.logits.insert(routing.logits.end(), row.begin(), row.end());
      std::vector<float> left = row;
      for (int choice = 0; choice < top_k; ++choice) {
        const auto best = std::max_element(left.begin(), left.end());
        routing.ids.push_back(static_cast<std::int16_t>(best - left.begin()));
        *best = -INFINITY;
      }
    }
    routing.first_token.push_back(routing.first_token.back() + static_cast<int>(tokens.size()));
  }
  routing.counts = count_routes(routing, experts);
  return routing;
}

// A token whose softmax is these shares.
inline std::vector<float> shares(std::vector<float> values) {
  for (float& value : values) value = std::log(value);
  return values;
}

struct GateRun {
  std::string section;  // YAML, such as "{kind: sinkhorn}"
  MoeModel model = {};
  int step = 0, layer = 0;
  std::vector<float> state = {};
  const LayerPlacement* placement = nullptr;
};

inline GateResult apply_gate(GateRun run, const Routing& routing) {
  run.model.name = "test";
  run.model.experts = routing.experts();
  run.model.top_k = routing.top_k;
  return plugin<Gate>(run.section)
      ->apply(routing, {.model = run.model,
                        .step = StepId(run.step),
                        .layer = LayerId(run.layer),
                        .random = Random(1),
                        .state = run.state,
                        .placement = run.placement});
}

inline std::vector<int> gate_ids(const GateResult& result) {
  return {result.routing.ids.begin(), result.routing.ids.end()};
}

// Two slots a GPU in the order of the experts.
inline LayerPlacement two_experts_a_gpu(int gpus) {
  IdVector<SlotId, ExpertId> experts(2 * gpus);
  for (const SlotId slot : experts.ids()) experts[slot] = ExpertId(slot.value);
  return make_layer_placement(even_first_slots(2 * gpus, gpus), experts, 2 * gpus);
}

// Many tokens with normal logits, one source.
inline Routing random_logits(int tokens, int experts, int top_k, double deviation = 1) {
  Rng rng(5, Purpose::kRouting);
  std::vector<std::vector<float>> rows;
  for (int token = 0; token < tokens; ++token) {
    rows.emplace_back();
    // The first experts are liked by all.
    for (int e = 0; e < experts; ++e)
      rows.back().push_back(static_cast<float>(deviation * rng.normal() + (e < 2 ? 1 : 0)));
  }
  return logit_routing({rows}, top_k);
}

}  // namespace moesim
