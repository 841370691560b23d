#include "sim/step_features.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

void add_rank(const Sequences& sequences, bool decode, KindFeatures& kind, double& most) {
  double tokens = 0, attended = 0;
  for (const Sequence& sequence : sequences) {
    if (sequence.decode != decode) continue;
    tokens += sequence.new_tokens;
    attended += sequence.new_tokens * (sequence.earlier + (decode ? 0 : sequence.new_tokens / 2));
  }
  kind.tokens += tokens;
  most = std::max(most, tokens);
  kind.attended = std::max(kind.attended, attended);
}

KindFeatures features_of(const StepBatch& batch, bool decode) {
  KindFeatures kind;
  double most = 0;
  for (const Sequences& own : batch.ranks) add_rank(own, decode, kind, most);
  if (kind.tokens > 0)
    kind.unevenness = most * static_cast<double>(batch.ranks.size()) / kind.tokens;
  return kind;
}

// Whole tokens of each rank; `order` 0: the first has the most.
std::vector<double> tokens_of_ranks(const KindFeatures& kind, int ranks) {
  std::vector<double> own(static_cast<std::size_t>(ranks));
  const double tokens = std::round(kind.tokens), mean = tokens / ranks;
  const double most = std::clamp(std::round(kind.unevenness * mean), std::ceil(mean), tokens);
  double given = 0;
  for (int rank = 0; rank < ranks; ++rank) {
    const double end =
        rank == 0 ? most : most + std::round((tokens - most) * rank / std::max(1, ranks - 1));
    own[static_cast<std::size_t>(rank)] = end - given;
    given = end;
  }
  return own;
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
  StepFeatures features{.prompts = features_of(batch, false), .answers = features_of(batch, true)};
  MOESIM_CHECK(features.prompts.tokens + features.answers.tokens > 0, "a step has tokens");
  return features;
}

StepBatch plain_batch(const StepFeatures& features, int ranks, int drafts) {
  StepBatch batch{.ranks = std::vector<Sequences>(static_cast<std::size_t>(ranks))};
  if (features.prompts.tokens > 0) {
    const std::vector<double> own = tokens_of_ranks(features.prompts, ranks);
    for (std::size_t rank = 0; rank < own.size(); ++rank)
      add_prompts(own[rank], features.prompts.attended / own[0], batch.ranks[rank]);
  }
  if (features.answers.tokens > 0) {
    const std::vector<double> own = tokens_of_ranks(features.answers, ranks);
    for (std::size_t rank = 0; rank < own.size(); ++rank)
      add_answers(own[rank], features.answers.attended / own[0], drafts,
                  batch.ranks[own.size() - 1 - rank]);
  }
  return batch;
}

}  // namespace moesim
