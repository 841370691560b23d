#include "sim/gate/adjusted.hpp"

#include "sim/base/check.hpp"

namespace moesim {

Gating adjusted_topk(const Logits& logits, int top_k, std::span<const double> factor) {
  MOESIM_CHECK(static_cast<int>(factor.size()) == logits.experts, "every expert has a factor");
  Gating gating = empty_gating(logits.tokens(), logits.experts, top_k);
  gating.scores = score_all(ScoreFunction::kSoftmax, logits);
  for (int token = 0; token < logits.tokens(); ++token) {
    const auto scores = row_of(std::span(gating.scores), token, logits.experts);
    for (std::size_t e = 0; e < factor.size(); ++e)
      scores[e] = static_cast<float>(scores[e] * factor[e]);
    normalize_row(scores, 0);
    const auto ids = gating.ids_of(token);
    const auto weights = gating.weights_of(token);
    choose_top(scores, ids);
    for (std::size_t i = 0; i < ids.size(); ++i)
      weights[i] = ids[i] < 0 ? 0 : scores[static_cast<std::size_t>(ids[i])];
    normalize_row(weights, 0);
  }
  return gating;
}

void smooth(std::span<float> average, std::span<const double> usage, double smoothing) {
  for (std::size_t e = 0; e < average.size(); ++e)
    average[e] = static_cast<float>((1 - smoothing) * average[e] + smoothing * usage[e]);
}

}  // namespace moesim
