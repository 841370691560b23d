#include "sim/gate/top_k.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

// Leaves the experts of all but the best groups out of `choice` [experts]. The buffers save
// allocations.
class GroupMask {
 public:
  GroupMask(const GroupLimit& limit, int experts)
      : limit_(limit),
        size_(static_cast<std::size_t>(experts / limit.groups)),
        scores_(static_cast<std::size_t>(limit.groups)),
        kept_(static_cast<std::size_t>(limit.kept)),
        members_(size_) {
    MOESIM_CHECK(limit.groups >= 1 && experts % limit.groups == 0, "groups are of one size");
    MOESIM_CHECK(limit.kept >= 1 && limit.kept <= limit.groups, "some groups are kept");
  }

  void apply(std::span<float> choice) {
    if (limit_.kept == limit_.groups) return;
    for (std::size_t group = 0; group < scores_.size(); ++group)
      scores_[group] = score_of(choice.subspan(group * size_, size_));
    choose_top(scores_, kept_);
    for (std::size_t group = 0; group < scores_.size(); ++group) {
      if (std::find(kept_.begin(), kept_.end(), static_cast<std::int16_t>(group)) != kept_.end())
        continue;
      const auto left_out = choice.subspan(group * size_, size_);
      std::fill(left_out.begin(), left_out.end(), limit_.masked);
    }
  }

 private:
  float score_of(std::span<const float> group) {
    if (limit_.best == 1) return *std::max_element(group.begin(), group.end());
    std::copy(group.begin(), group.end(), members_.begin());
    const auto best = members_.begin() +
                      std::min<std::ptrdiff_t>(limit_.best, static_cast<std::ptrdiff_t>(size_));
    std::partial_sort(members_.begin(), best, members_.end(), std::greater<>());
    return std::accumulate(members_.begin(), best, 0.0F);
  }

  GroupLimit limit_;
  std::size_t size_ = 0;  // experts of a group
  std::vector<float> scores_;
  std::vector<std::int16_t> kept_;
  std::vector<float> members_;
};

void weigh(Gating& gating, int experts, const TopKRule& rule) {
  for (int token = 0; token < gating.tokens(); ++token) {
    const auto ids = gating.ids_of(token);
    const auto weights = gating.weights_of(token);
    const auto scores = row_of(std::span(gating.scores), token, experts);
    for (std::size_t i = 0; i < ids.size(); ++i)
      weights[i] = ids[i] < 0 ? 0 : scores[static_cast<std::size_t>(ids[i])];
    if (rule.normalize) normalize_row(weights, rule.epsilon);
    for (float& weight : weights) weight *= rule.scale;
  }
}

}  // namespace

Gating choose_top_k(const Logits& logits, const TopKRule& rule, std::span<const float> bias) {
  const auto width = static_cast<std::size_t>(logits.experts);
  MOESIM_CHECK(bias.empty() || bias.size() == width, "a bias is [experts]");
  Gating gating = empty_gating(logits.tokens(), logits.experts, rule.top_k);
  GroupMask mask(rule.limit, logits.experts);
  std::vector<float> choice(width);
  for (int token = 0; token < logits.tokens(); ++token) {
    const auto scores = row_of(std::span(gating.scores), token, logits.experts);
    score_row(rule.score, logits.of(token), scores);
    std::copy(scores.begin(), scores.end(), choice.begin());
    for (std::size_t e = 0; e < bias.size(); ++e) choice[e] += bias[e];
    mask.apply(choice);
    choose_top(choice, gating.ids_of(token));
  }
  weigh(gating, logits.experts, rule);
  return gating;
}

Gating topk_then_softmax(const Logits& logits, int top_k, float scale, const GroupLimit& limit) {
  Gating gating = empty_gating(logits.tokens(), logits.experts, top_k);
  GroupMask mask(limit, logits.experts);
  std::vector<float> chosen, choice;
  for (int token = 0; token < logits.tokens(); ++token) {
    const auto row = logits.of(token);
    const auto ids = gating.ids_of(token);
    choice.assign(row.begin(), row.end());
    mask.apply(choice);
    choose_top(choice, ids);
    chosen.clear();
    for (const std::int16_t id : ids)
      if (id >= 0) chosen.push_back(row[static_cast<std::size_t>(id)]);
    if (chosen.empty()) continue;
    const auto weights = gating.weights_of(token).first(chosen.size());
    score_row(ScoreFunction::kSoftmax, chosen, weights);
    for (float& weight : weights) weight *= scale;
  }
  gating.scores = score_all(ScoreFunction::kSoftmax, logits);
  return gating;
}

Gating softmax_then_topk(const Logits& logits, TopKRule rule) {
  rule.score = ScoreFunction::kSoftmax;
  return choose_top_k(logits, rule);
}

Gating sigmoid_topk(const Logits& logits, int top_k, float scale) {
  return choose_top_k(logits, {.top_k = top_k,
                               .score = ScoreFunction::kSigmoid,
                               .normalize = top_k > 1,
                               .epsilon = 1e-20F,
                               .scale = scale});
}

Gating deepseek_v3(const Logits& logits, std::span<const float> bias, TopKRule rule) {
  rule.score = ScoreFunction::kSigmoid;
  return choose_top_k(logits, rule, bias);
}

}  // namespace moesim
