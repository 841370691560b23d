#include "sim/step_features.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

// Of one rank: new tokens, and the sums over them of the tokens that they attend to.
struct RankSums {
  double prompt_tokens = 0, answer_tokens = 0, prompt_attended = 0, answer_attended = 0;
};

RankSums sums_of(const Sequences& sequences) {
  RankSums sums;
  for (const Sequence& sequence : sequences) {
    if (sequence.decode) {
      sums.answer_tokens += sequence.new_tokens;
      sums.answer_attended += sequence.new_tokens * sequence.earlier;
    } else {
      sums.prompt_tokens += sequence.new_tokens;
      sums.prompt_attended += sequence.new_tokens * (sequence.earlier + sequence.new_tokens / 2);
    }
  }
  return sums;
}

// Few batches are mixed, and then the share decides little: attention is counted apart.
double in_eighths(double share) {
  if (share <= 0 || share >= 1) return std::clamp(share, 0.0, 1.0);
  return std::clamp(std::round(8 * share), 1.0, 7.0) / 8;
}

void add_answers(double tokens, double context, int drafts, Sequences& sequences) {
  const double each = 1 + drafts;
  for (double left = tokens; left >= 0.5; left -= each)
    sequences.push_back({.new_tokens = std::min(left, each), .earlier = context, .decode = true});
}

// Tokens of a prompt attend to half of them, and to what is in the cache before.
void add_prompts(double tokens, double context, Sequences& sequences) {
  const double length = std::clamp(std::floor(2 * context), 1.0, std::max(1.0, tokens));
  for (double left = tokens; left >= 0.5; left -= length) {
    const double part = std::min(left, length);
    sequences.push_back({.new_tokens = part, .earlier = std::max(0.0, context - part / 2)});
  }
}

}  // namespace

StepFeatures features_of(const StepBatch& batch) {
  StepFeatures features;
  double most = 0, prompt_tokens = 0, prompt_attended = 0, answer_attended = 0;
  for (const Sequences& own : batch.ranks) {
    const RankSums sums = sums_of(own);
    features.tokens += sums.prompt_tokens + sums.answer_tokens;
    prompt_tokens += sums.prompt_tokens;
    most = std::max(most, sums.prompt_tokens + sums.answer_tokens);
    prompt_attended = std::max(prompt_attended, sums.prompt_attended);
    answer_attended = std::max(answer_attended, sums.answer_attended);
  }
  MOESIM_CHECK(features.tokens > 0, "a step has tokens");
  features.unevenness = most * static_cast<double>(batch.ranks.size()) / features.tokens;
  const double share = features.prompt_share = in_eighths(prompt_tokens / features.tokens);
  if (share > 0) features.prompt_context = prompt_attended / (share * most);
  if (share < 1) features.answer_context = answer_attended / ((1 - share) * most);
  return features;
}

StepBatch plain_batch(const StepFeatures& features, int ranks, int drafts) {
  const double tokens = std::max(1.0, std::round(features.tokens));
  const double mean = tokens / ranks;
  const double most = std::clamp(std::round(features.unevenness * mean), std::ceil(mean), tokens);
  StepBatch batch{.ranks = std::vector<Sequences>(static_cast<std::size_t>(ranks))};
  double given = 0;
  for (int rank = 0; rank < ranks; ++rank) {
    const double end =
        rank == 0 ? most : most + std::round((tokens - most) * rank / std::max(1, ranks - 1));
    const double own = end - given;
    given = end;
    const double prompts = std::round(own * features.prompt_share);
    Sequences& sequences = batch.ranks[static_cast<std::size_t>(rank)];
    add_answers(own - prompts, features.answer_context, drafts, sequences);
    add_prompts(prompts, features.prompt_context, sequences);
  }
  return batch;
}

}  // namespace moesim
