#include "sim/gate/assignment.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

constexpr int kSinkhornRounds = 1000;  // it takes some tens; a bound for logits that never settle

}  // namespace

std::vector<float> sinkhorn(const Logits& logits, float tolerance) {
  const std::size_t experts = static_cast<std::size_t>(logits.experts);
  const auto tokens = static_cast<std::size_t>(logits.tokens());
  std::vector<float> cost(logits.values.size()), rows(tokens, 1), columns(experts, 1);
  std::transform(logits.values.begin(), logits.values.end(), cost.begin(),
                 [](float z) { return std::exp(z); });
  float error = 1e9F;
  for (int round = 0; round < kSinkhornRounds && error > tolerance; ++round) {
    std::vector<float> sums(experts, 0);
    for (std::size_t t = 0; t < tokens; ++t) {
      const std::span<const float> row(cost.data() + t * experts, experts);
      const float sum = std::inner_product(row.begin(), row.end(), columns.begin(), 0.0F);
      rows[t] = 1 / static_cast<float>(tokens) / (sum + 1e-8F);
      for (std::size_t e = 0; e < experts; ++e) sums[e] += rows[t] * row[e];
    }
    error = 0;
    for (std::size_t e = 0; e < experts; ++e) {
      const float next = 1 / static_cast<float>(experts) / (sums[e] + 1e-8F);
      error += std::fabs(next - columns[e]) / static_cast<float>(experts);
      columns[e] = next;
    }
  }
  for (std::size_t i = 0; i < cost.size(); ++i) cost[i] *= columns[i % experts] * rows[i / experts];
  return cost;
}

Gating sinkhorn_topk(const Logits& logits, int top_k, float tolerance) {
  Gating gating = empty_gating(logits.tokens(), logits.experts, top_k);
  gating.scores = score_all(top_k == 1 ? ScoreFunction::kSigmoid : ScoreFunction::kSoftmax, logits);
  const std::vector<float> norm = sinkhorn(logits, tolerance);
  for (int token = 0; token < logits.tokens(); ++token) {
    const auto ids = gating.ids_of(token);
    choose_top(row_of(std::span<const float>(norm), token, logits.experts), ids);
    const auto scores = row_of(std::span<const float>(gating.scores), token, logits.experts);
    for (std::size_t i = 0; i < ids.size(); ++i)
      if (ids[i] >= 0) gating.weights_of(token)[i] = scores[static_cast<std::size_t>(ids[i])];
  }
  return gating;
}

std::vector<int> expert_choice(const Logits& gates, int capacity) {
  std::vector<int> order(static_cast<std::size_t>(gates.tokens())), chosen;
  const auto taken = order.begin() + std::min(capacity, gates.tokens());
  for (int expert = 0; expert < gates.experts; ++expert) {
    const auto gate = [&](int token) { return gates.of(token)[static_cast<std::size_t>(expert)]; };
    std::iota(order.begin(), order.end(), 0);
    std::partial_sort(order.begin(), taken, order.end(),
                      [&](int a, int b) { return gate(a) != gate(b) ? gate(a) > gate(b) : a < b; });
    chosen.insert(chosen.end(), order.begin(), taken);
  }
  return chosen;
}

Gating by_token(const std::vector<int>& chosen, const Logits& gates) {
  std::vector<std::vector<std::int16_t>> experts(static_cast<std::size_t>(gates.tokens()));
  const std::size_t each = chosen.size() / static_cast<std::size_t>(gates.experts);
  for (std::size_t i = 0; i < chosen.size(); ++i)
    experts[static_cast<std::size_t>(chosen[i])].push_back(static_cast<std::int16_t>(i / each));
  std::size_t width = 1;
  for (const auto& ids : experts) width = std::max(width, ids.size());
  Gating gating = empty_gating(gates.tokens(), gates.experts, static_cast<int>(width));
  gating.scores.assign(gates.values.begin(), gates.values.end());
  for (int token = 0; token < gates.tokens(); ++token) {
    auto& ids = experts[static_cast<std::size_t>(token)];
    const auto row = gates.of(token);
    const auto gate = [&](std::int16_t id) { return row[static_cast<std::size_t>(id)]; };
    std::stable_sort(ids.begin(), ids.end(),
                     [&](std::int16_t a, std::int16_t b) { return gate(a) > gate(b); });
    std::copy(ids.begin(), ids.end(), gating.ids_of(token).begin());
    std::transform(ids.begin(), ids.end(), gating.weights_of(token).begin(), gate);
  }
  return gating;
}

std::vector<float> softmax_over_tokens(const Logits& logits) {
  const auto tokens = static_cast<std::size_t>(logits.tokens());
  const auto width = static_cast<std::size_t>(logits.experts);
  std::vector<float> column(tokens), shares(tokens), all(logits.values.size());
  for (std::size_t e = 0; e < width; ++e) {
    for (std::size_t t = 0; t < tokens; ++t) column[t] = logits.values[t * width + e];
    score_row(ScoreFunction::kSoftmax, column, shares);
    for (std::size_t t = 0; t < tokens; ++t) all[t * width + e] = shares[t];
  }
  return all;
}

SoftSlots soft_moe(const Logits& slot_logits) {
  return {.dispatch = softmax_over_tokens(slot_logits),
          .combine = score_all(ScoreFunction::kSoftmax, slot_logits)};
}

int slots_of_expert(int tokens, int experts, double factor) {
  return std::max(1, static_cast<int>(std::nearbyint(factor * tokens / experts)));
}

NtlbRouting no_token_left_behind(const Logits& logits, int tries, int capacity) {
  const auto tokens = static_cast<std::size_t>(logits.tokens());
  NtlbRouting routing{.gating = empty_gating(logits.tokens(), logits.experts, 1),
                      .choice = std::vector<int>(tokens, -1),
                      .slot = std::vector<int>(tokens, -1),
                      .load = std::vector<int>(static_cast<std::size_t>(logits.experts), 0)};
  Gating& gating = routing.gating;
  gating.scores = score_all(ScoreFunction::kSoftmax, logits);
  std::vector<std::int16_t> choices(tokens * static_cast<std::size_t>(tries));
  for (int token = 0; token < logits.tokens(); ++token)
    choose_top(logits.of(token), row_of(std::span(choices), token, tries));
  for (std::size_t choice = 0; choice < static_cast<std::size_t>(tries); ++choice) {
    for (std::size_t t = 0; t < tokens; ++t) {
      const std::int16_t id = choices[t * static_cast<std::size_t>(tries) + choice];
      if (gating.ids[t] >= 0 || id < 0) continue;
      int& load = routing.load[static_cast<std::size_t>(id)];
      if (load == capacity) continue;
      routing.slot[t] = load++;
      routing.choice[t] = static_cast<int>(choice);
      gating.ids[t] = id;
      gating.weights[t] =
          gating
              .scores[t * static_cast<std::size_t>(logits.experts) + static_cast<std::size_t>(id)];
    }
  }
  return routing;
}

QuantileStep quantile_balancing(const Logits& logits, int top_k, ScoreFunction score,
                                std::span<const float> beta) {
  const auto experts = static_cast<std::size_t>(logits.experts);
  const std::size_t tokens = static_cast<std::size_t>(logits.tokens());
  MOESIM_CHECK(tokens * static_cast<std::size_t>(top_k) % experts == 0, "the mean load is whole");
  MOESIM_CHECK(top_k < logits.experts, "some expert is not chosen");
  QuantileStep step{.gating = empty_gating(logits.tokens(), logits.experts, top_k),
                    .beta = std::vector<float>(beta.begin(), beta.end())};
  step.gating.scores = score_all(score, logits);
  std::vector<float> reduced(experts), excess(tokens * experts);
  for (int token = 0; token < logits.tokens(); ++token) {
    const auto scores = row_of(std::span<const float>(step.gating.scores), token, logits.experts);
    for (std::size_t e = 0; e < experts; ++e) reduced[e] = scores[e] - beta[e];
    const auto ids = step.gating.ids_of(token);
    const auto weights = step.gating.weights_of(token);
    choose_top(reduced, ids);
    for (std::size_t i = 0; i < ids.size(); ++i)
      weights[i] = scores[static_cast<std::size_t>(ids[i])];
    normalize_row(weights, 1e-20F);
    // Alpha: the best score that is not chosen.
    std::nth_element(reduced.begin(), reduced.begin() + top_k, reduced.end(), std::greater<>());
    const float alpha = reduced[static_cast<std::size_t>(top_k)];
    for (std::size_t e = 0; e < experts; ++e)
      excess[e * tokens + static_cast<std::size_t>(token)] = scores[e] - alpha;
  }
  const std::size_t mean = tokens * static_cast<std::size_t>(top_k) / experts;
  for (std::size_t e = 0; e < experts; ++e) {
    const auto column = excess.begin() + static_cast<std::ptrdiff_t>(e * tokens);
    std::nth_element(column, column + static_cast<std::ptrdiff_t>(mean),
                     column + static_cast<std::ptrdiff_t>(tokens), std::greater<>());
    step.beta[e] = column[static_cast<std::ptrdiff_t>(mean)];
  }
  return step;
}

}  // namespace moesim
