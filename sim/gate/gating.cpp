#include "sim/gate/gating.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

void softmax_row(std::span<const float> logits, std::span<float> scores) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  float sum = 0;
  for (std::size_t e = 0; e < logits.size(); ++e) sum += scores[e] = std::exp(logits[e] - largest);
  for (float& score : scores) score /= sum;
}

}  // namespace

Gating empty_gating(int tokens, int experts, int top_k) {
  MOESIM_CHECK(top_k >= 1, "a token asks for experts");
  const auto rows = static_cast<std::size_t>(tokens);
  return {.top_k = top_k,
          .ids = std::vector<std::int16_t>(rows * static_cast<std::size_t>(top_k), -1),
          .weights = std::vector<float>(rows * static_cast<std::size_t>(top_k), 0),
          .scores = std::vector<float>(rows * static_cast<std::size_t>(experts), 0)};
}

float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

float softplus(float x) { return std::max(x, 0.0F) + std::log1p(std::exp(-std::fabs(x))); }

void score_row(ScoreFunction function, std::span<const float> logits, std::span<float> scores) {
  if (function == ScoreFunction::kSoftmax) return softmax_row(logits, scores);
  const bool is_sigmoid = function == ScoreFunction::kSigmoid;
  for (std::size_t e = 0; e < logits.size(); ++e)
    scores[e] = is_sigmoid ? sigmoid(logits[e]) : std::sqrt(softplus(logits[e]));
}

std::vector<float> score_all(ScoreFunction function, const Logits& logits) {
  std::vector<float> scores(logits.values.size());
  for (int token = 0; token < logits.tokens(); ++token)
    score_row(function, logits.of(token), row_of(std::span(scores), token, logits.experts));
  return scores;
}

// Insertion into the k best so far: most experts of a row fail the first comparison.
void choose_top(std::span<const float> scores, std::span<std::int16_t> ids) {
  std::fill(ids.begin(), ids.end(), std::int16_t{-1});
  if (ids.empty()) return;
  std::size_t chosen = 0;
  for (std::size_t e = 0; e < scores.size(); ++e) {
    if (!(scores[e] > kNever)) continue;
    if (chosen == ids.size()) {
      if (!(scores[e] > scores[static_cast<std::size_t>(ids.back())])) continue;
    } else {
      ++chosen;
    }
    std::size_t place = chosen - 1;
    for (; place > 0 && scores[e] > scores[static_cast<std::size_t>(ids[place - 1])]; --place)
      ids[place] = ids[place - 1];
    ids[place] = static_cast<std::int16_t>(e);
  }
}

void weigh_chosen(const Logits& logits, int token, Gating& gating) {
  const auto ids = gating.ids_of(token);
  const auto weights = gating.weights_of(token);
  std::fill(weights.begin(), weights.end(), 0.0F);
  std::vector<float> chosen(ids.size(), kNever);
  bool any = false;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0) continue;
    chosen[i] = logits.of(token)[static_cast<std::size_t>(ids[i])];
    any = true;
  }
  if (any) score_row(ScoreFunction::kSoftmax, chosen, weights);
}

void normalize_row(std::span<float> weights, float epsilon) {
  const float sum = std::accumulate(weights.begin(), weights.end(), 0.0F) + epsilon;
  if (!(sum > 0)) return;
  for (float& weight : weights) weight /= sum;
}

}  // namespace moesim
