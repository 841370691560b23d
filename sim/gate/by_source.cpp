#include "sim/gate/by_source.hpp"

#include <algorithm>

namespace moesim {
namespace {

// The same gating with room for more experts a token.
void append(Gating& all, const Gating& part) {
  for (int token = 0; token < part.tokens(); ++token) {
    const auto ids = part.ids_of(token);
    const auto weights = part.weights_of(token);
    all.ids.insert(all.ids.end(), ids.begin(), ids.end());
    all.weights.insert(all.weights.end(), weights.begin(), weights.end());
    const auto more = static_cast<std::size_t>(all.top_k - part.top_k);
    all.ids.insert(all.ids.end(), more, std::int16_t{-1});
    all.weights.insert(all.weights.end(), more, 0.0F);
  }
  all.scores.insert(all.scores.end(), part.scores.begin(), part.scores.end());
}

}  // namespace

Gating gate_by_source(const GateInput& input, const std::function<Gating(const Logits&)>& gate) {
  const std::vector<int>& first = input.routing.first_token;
  std::vector<Gating> parts;
  Gating all{.top_k = 1};
  for (std::size_t gpu = 0; gpu + 1 < first.size(); ++gpu) {
    if (first[gpu] == first[gpu + 1]) continue;
    const auto width = static_cast<std::size_t>(input.logits.experts);
    const Logits own{.values = input.logits.values.subspan(
                         static_cast<std::size_t>(first[gpu]) * width,
                         static_cast<std::size_t>(first[gpu + 1] - first[gpu]) * width),
                     .experts = input.logits.experts};
    parts.push_back(gate(own));
    all.top_k = std::max(all.top_k, parts.back().top_k);
  }
  for (const Gating& part : parts) append(all, part);
  return all;
}

}  // namespace moesim
