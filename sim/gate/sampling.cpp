#include "sim/gate/sampling.hpp"

#include <algorithm>

#include "sim/base/check.hpp"
#include "sim/gate/top_k.hpp"

namespace moesim {
namespace {

Logits tempered(const Logits& logits, float temperature, std::vector<float>& values) {
  values.assign(logits.values.begin(), logits.values.end());
  for (float& value : values) value /= temperature;
  return {.values = values, .experts = logits.experts};
}

}  // namespace

int draw_index(std::span<const float> weights, double u) {
  double total = 0;
  for (const float weight : weights) total += weight;
  double running = 0;
  int last = -1;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (!(weights[i] > 0)) continue;
    last = static_cast<int>(i);
    running += weights[i];
    if (running > u * total) return last;
  }
  return last;
}

Gating multinomial(const Logits& logits, int top_k, float temperature,
                   std::span<const double> uniforms) {
  Gating gating = empty_gating(logits.tokens(), logits.experts, top_k);
  MOESIM_CHECK(uniforms.size() == gating.ids.size(), "every choice has its number");
  std::vector<float> values, left;
  gating.scores = score_all(ScoreFunction::kSoftmax, tempered(logits, temperature, values));
  for (int token = 0; token < logits.tokens(); ++token) {
    const auto scores = row_of(std::span<const float>(gating.scores), token, logits.experts);
    const auto numbers = row_of(uniforms, token, top_k);
    left.assign(scores.begin(), scores.end());
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const int expert = draw_index(left, numbers[i]);
      if (expert < 0) break;
      gating.ids_of(token)[i] = static_cast<std::int16_t>(expert);
      gating.weights_of(token)[i] = scores[static_cast<std::size_t>(expert)];
      left[static_cast<std::size_t>(expert)] = 0;
    }
  }
  return gating;
}

Gating load_balanced_sampling(const Logits& logits, int top_k, double epsilon,
                              const LoadScope& scope, std::span<const double> uniforms) {
  Gating gating = empty_gating(logits.tokens(), logits.experts, top_k);
  MOESIM_CHECK(uniforms.size() == gating.ids.size(), "every choice has its number");
  const auto queue_of = [&](std::size_t expert) {
    return scope.queue.empty() ? expert : static_cast<std::size_t>(scope.queue[expert]);
  };
  std::vector<float> softmax(static_cast<std::size_t>(logits.experts)), adjusted(softmax.size());
  for (int token = 0; token < logits.tokens(); ++token) {
    score_row(ScoreFunction::kSoftmax, logits.of(token), softmax);
    std::vector<float> left = softmax;
    for (std::size_t i = 0; i < static_cast<std::size_t>(top_k); ++i) {
      for (std::size_t e = 0; e < left.size(); ++e)
        adjusted[e] = static_cast<float>(left[e] / (scope.load[queue_of(e)] + epsilon));
      normalize_row(adjusted, 0);
      if (i == 0)
        std::copy(adjusted.begin(), adjusted.end(),
                  row_of(std::span(gating.scores), token, logits.experts).begin());
      const int drawn = draw_index(adjusted, row_of(uniforms, token, top_k)[i]);
      if (drawn < 0) break;
      const auto expert = static_cast<std::size_t>(drawn);
      gating.ids_of(token)[i] = static_cast<std::int16_t>(drawn);
      gating.weights_of(token)[i] = softmax[expert];
      scope.load[queue_of(expert)] += 1;
      left[expert] = 0;
    }
  }
  return gating;
}

std::vector<float> with_noise(const Logits& logits, std::span<const float> deviation,
                              std::span<const float> normals) {
  MOESIM_CHECK(normals.size() == logits.values.size(), "every logit has its number");
  MOESIM_CHECK(deviation.size() == 1 || deviation.size() == normals.size(),
               "one deviation, or one for each logit");
  std::vector<float> noisy(logits.values.begin(), logits.values.end());
  for (std::size_t i = 0; i < noisy.size(); ++i)
    noisy[i] += normals[i] * deviation[deviation.size() == 1 ? 0 : i];
  return noisy;
}

Gating noisy_topk(const Logits& logits, int top_k, std::span<const float> noise_logits,
                  float epsilon, std::span<const float> normals) {
  std::vector<float> deviation(noise_logits.begin(), noise_logits.end());
  for (float& value : deviation) value = softplus(value) + epsilon;
  const std::vector<float> noisy = with_noise(logits, deviation, normals);
  return topk_then_softmax({.values = noisy, .experts = logits.experts}, top_k);
}

}  // namespace moesim
