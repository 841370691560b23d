#include "sim/gate/two_level.hpp"

#include <algorithm>
#include <numeric>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

constexpr float kEpsilon = 1e-9F;

bool asks_for_second(const GshardRule& rule, float gate, double u) {
  switch (rule.second) {
    case SecondPolicy::kAll:
      return true;
    case SecondPolicy::kNone:
      return false;
    case SecondPolicy::kThreshold:
      return gate > rule.threshold;
    case SecondPolicy::kRandom:
      return u < gate / std::max(rule.threshold, 1e-9);
    case SecondPolicy::kFastMoe:
      return 2 * gate >= u;
  }
  return true;
}

// The ids and weights of the two largest shares.
void choose_two(std::span<const float> shares, std::span<std::int16_t> ids,
                std::span<float> weights) {
  choose_top(shares, ids);
  for (std::size_t i = 0; i < ids.size(); ++i)
    weights[i] = ids[i] < 0 ? 0 : shares[static_cast<std::size_t>(ids[i])];
  normalize_row(weights, kEpsilon);
}

// Takes tokens out of groups that are full: all first choices queue before all second ones.
void limit_groups(Gating& groups, int count, int capacity) {
  std::vector<int> taken(static_cast<std::size_t>(count));
  for (std::size_t choice = 0; choice < 2; ++choice) {
    for (int token = 0; token < groups.tokens(); ++token) {
      std::int16_t& id = groups.ids_of(token)[choice];
      if (id >= 0 && taken[static_cast<std::size_t>(id)]++ >= capacity) id = -1;
    }
  }
}

}  // namespace

Gating gshard_top2(const Logits& logits, const GshardRule& rule, std::span<const double> uniforms) {
  Gating gating = empty_gating(logits.tokens(), logits.experts, 2);
  gating.scores = score_all(ScoreFunction::kSoftmax, logits);
  for (int token = 0; token < logits.tokens(); ++token) {
    const auto ids = gating.ids_of(token);
    const auto weights = gating.weights_of(token);
    choose_two(row_of(std::span<const float>(gating.scores), token, logits.experts), ids, weights);
    const double u = uniforms.empty() ? 0 : uniforms[static_cast<std::size_t>(token)];
    if (!asks_for_second(rule, weights[1], u)) ids[1] = -1;
  }
  return gating;
}

Gating two_level_top2(const Logits& logits, const TwoLevelRule& rule) {
  MOESIM_CHECK(rule.groups >= 2 && logits.experts % rule.groups == 0, "groups are of one size");
  const int size = logits.experts / rule.groups;
  Gating gating = empty_gating(logits.tokens(), logits.experts, 4);
  gating.scores = score_all(ScoreFunction::kSoftmax, logits);
  Gating groups = empty_gating(logits.tokens(), rule.groups, 2);
  for (int token = 0; token < logits.tokens(); ++token) {
    const auto scores = row_of(std::span<const float>(gating.scores), token, logits.experts);
    const auto shares = row_of(std::span(groups.scores), token, rule.groups);
    for (int group = 0; group < rule.groups; ++group) {
      const auto members = row_of(scores, group, size);
      shares[static_cast<std::size_t>(group)] =
          std::accumulate(members.begin(), members.end(), 0.0F);
    }
    choose_two(shares, groups.ids_of(token), groups.weights_of(token));
  }
  if (rule.group_capacity > 0) limit_groups(groups, rule.groups, rule.group_capacity);
  for (int token = 0; token < logits.tokens(); ++token) {
    const auto scores = row_of(std::span<const float>(gating.scores), token, logits.experts);
    for (std::size_t choice = 0; choice < 2; ++choice) {
      const std::int16_t group = groups.ids_of(token)[choice];
      if (group < 0) continue;
      const auto ids = gating.ids_of(token).subspan(2 * choice, 2);
      const auto weights = gating.weights_of(token).subspan(2 * choice, 2);
      choose_two(row_of(scores, group, size), ids, weights);
      for (std::size_t i = 0; i < 2; ++i) {
        if (ids[i] >= 0) ids[i] = static_cast<std::int16_t>(ids[i] + group * size);
        weights[i] *= groups.weights_of(token)[choice];
      }
    }
  }
  return gating;
}

}  // namespace moesim
