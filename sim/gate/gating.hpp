// From router logits to chosen experts: the parts that gates are made of (policies.md 0.2, 1.1).
//
// All of it is float32. A higher score is chosen first, of equal ones the lower expert; this is
// also the order of a token's experts. The CUDA kernels take these functions as their reference.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace moesim {

// Row `row` of a matrix whose rows are `width` wide.
template <class T>
std::span<T> row_of(std::span<T> all, int row, int width) {
  return all.subspan(static_cast<std::size_t>(row) * static_cast<std::size_t>(width),
                     static_cast<std::size_t>(width));
}

// A score with which an expert is never chosen.
constexpr float kNever = -std::numeric_limits<float>::infinity();

struct Logits {
  std::span<const float> values;  // [tokens × experts]
  int experts = 0;

  int tokens() const { return experts > 0 ? static_cast<int>(values.size()) / experts : 0; }
  std::span<const float> of(int token) const { return row_of(values, token, experts); }
};

// What a gate made of the logits.
struct Gating {
  int top_k = 0;
  std::vector<std::int16_t> ids;  // [tokens × top_k], by falling selection score; −1 = none
  std::vector<float> weights;     // [tokens × top_k]; 0 where there is no expert
  std::vector<float> scores;      // [tokens × experts]: softmax, or what the weights come from

  int tokens() const { return top_k > 0 ? static_cast<int>(ids.size()) / top_k : 0; }
  std::span<std::int16_t> ids_of(int token) { return row_of(std::span(ids), token, top_k); }
  std::span<const std::int16_t> ids_of(int token) const {
    return row_of(std::span(ids), token, top_k);
  }
  std::span<float> weights_of(int token) { return row_of(std::span(weights), token, top_k); }
  std::span<const float> weights_of(int token) const {
    return row_of(std::span(weights), token, top_k);
  }
};

// Room for `tokens` tokens: no expert, weight 0, scores 0.
Gating empty_gating(int tokens, int experts, int top_k);

enum class ScoreFunction { kSoftmax, kSigmoid, kSqrtSoftplus };

float sigmoid(float x);
float softplus(float x);  // ln(1 + e^x)

// softmax subtracts the largest logit; −∞ gives 0. `scores` [experts].
void score_row(ScoreFunction function, std::span<const float> logits, std::span<float> scores);

// Scores of all tokens, [tokens × experts].
std::vector<float> score_all(ScoreFunction function, const Logits& logits);

// The ids.size() experts with the largest scores; −∞ is never chosen (the id stays −1).
void choose_top(std::span<const float> scores, std::span<std::int16_t> ids);

// The weights of a token: a softmax over the logits of the experts that it has; none has 0.
void weigh_chosen(const Logits& logits, int token, Gating& gating);

// Divides the weights by their sum + epsilon; where that is 0, leaves them.
void normalize_row(std::span<float> weights, float epsilon);

}  // namespace moesim
