// Gates by sorting: policies.md 1.1, 1.4, 1.5 and 1.9 as they are written.
#include "kernels/gate.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

#include "kernels/cpu/device.hpp"
#include "kernels/gate_math.hpp"
#include "kernels/reference/reference.hpp"

namespace moesim::kernels {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

// Numbers 0 .. n-1, those with higher values first, ties by number.
std::vector<int> by_value(const std::vector<float>& values) {
  std::vector<int> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return values[a] > values[b]; });
  return order;
}

float score_of_group(GroupScore kind, std::vector<float> values) {
  std::sort(values.begin(), values.end(), std::greater<>());
  if (kind == GroupScore::kMax || values.size() == 1) return values[0];
  return values[0] + values[1];
}

// Which experts belong to the groups that the token keeps.
std::vector<bool> allowed(const GateRule& rule, const std::vector<float>& selection) {
  const int size = rule.experts / rule.groups;
  std::vector<float> scores;
  for (int group = 0; group < rule.groups; ++group) {
    const auto first = selection.begin() + group * size;
    scores.push_back(score_of_group(rule.group_score, {first, first + size}));
  }
  const std::vector<int> groups = by_value(scores);
  std::vector<bool> is_allowed(selection.size(), rule.groups == rule.groups_kept);
  for (int i = 0; i < rule.groups_kept; ++i)
    for (int expert = groups[i] * size; expert < (groups[i] + 1) * size; ++expert)
      is_allowed[expert] = true;
  return is_allowed;
}

std::vector<int> choose(const GateRule& rule, const std::vector<float>& selection) {
  const std::vector<bool> is_allowed = allowed(rule, selection);
  std::vector<int> chosen;
  for (const int expert : by_value(selection))
    if (is_allowed[expert] && static_cast<int>(chosen.size()) < rule.top_k)
      chosen.push_back(expert);
  return chosen;
}

// e^(value - largest) over `values` at `at`, divided by the sum of that over `over`.
std::vector<float> softmax(const std::vector<float>& values, const std::vector<int>& at,
                           const std::vector<int>& over) {
  float largest = kNever, total = 0;
  for (const int i : over) largest = std::max(largest, values[i]);
  for (const int i : over) total += portable_exp(values[i] - largest);
  std::vector<float> weights;
  for (const int i : at) weights.push_back(portable_exp(values[i] - largest) / total);
  return weights;
}

void route_token(const RouteArguments& arguments, int token) {
  const GateRule& rule = arguments.rule;
  const std::size_t row = static_cast<std::size_t>(token) * rule.experts;
  std::vector<float> score, selection;
  std::vector<int> everybody(rule.experts);
  std::iota(everybody.begin(), everybody.end(), 0);
  for (const int expert : everybody) {
    const std::size_t at = row + expert;
    const bool noisy = rule.kind == GateKind::kNoisyTopk;
    score.push_back(gate_score(rule.kind, arguments.logits[at],
                               noisy ? arguments.noise_logits[at] : 0,
                               noisy ? arguments.normals[at] : 0));
    const bool biased = weighs_by_score(rule.kind) && arguments.bias != nullptr;
    selection.push_back(biased ? score.back() + arguments.bias[expert] : score.back());
  }
  const std::vector<int> chosen = choose(rule, selection);
  std::vector<float> weights;
  if (weighs_by_score(rule.kind))
    for (const int expert : chosen) weights.push_back(score[expert]);
  else
    weights = softmax(score, chosen, weighs_the_chosen(rule.kind) ? chosen : everybody);
  const float total = std::accumulate(weights.begin(), weights.end(), 0.0f);
  const float divisor = rule.renormalize ? total + 1e-20f : 1.0f;
  for (int j = 0; j < rule.top_k; ++j) {
    const std::size_t out = static_cast<std::size_t>(token) * rule.top_k + j;
    arguments.ids[out] = chosen[j];
    arguments.weights[out] = weights[j] / divisor * rule.scaling_factor;
  }
}

void multiply(const LogitsArguments& arguments) {
  const int depth = arguments.hidden_size;
  for (int token = 0; token < arguments.tokens; ++token)
    for (int expert = 0; expert < arguments.experts; ++expert) {
      const Bf16* x = arguments.hidden + static_cast<std::size_t>(token) * depth;
      const Bf16* w = arguments.router + static_cast<std::size_t>(expert) * depth;
      float total = 0;
      for (int h = 0; h < depth; ++h) total += to_float(x[h]) * to_float(w[h]);
      arguments.logits[static_cast<std::size_t>(token) * arguments.experts + expert] = total;
    }
}

class ReferenceGate : public GateKernels {
 public:
  std::unique_ptr<Work> logits(const LogitsArguments& arguments) override {
    check(arguments);
    return call([arguments] { multiply(arguments); });
  }
  std::unique_ptr<Work> route(const RouteArguments& arguments) override {
    check(arguments);
    return call([arguments] {
      for (int token = 0; token < arguments.tokens; ++token) route_token(arguments, token);
    });
  }
};

}  // namespace

std::shared_ptr<GateKernels> make_reference_gate() { return std::make_shared<ReferenceGate>(); }

}  // namespace moesim::kernels
