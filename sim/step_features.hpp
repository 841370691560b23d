// What decides how long a step takes, in a few numbers; and a plain batch that has given numbers.
//
// All ranks meet in every MoE layer: so it is the tokens of all of them that decide the experts'
// work and the traffic, and the fullest rank that decides when the others may go on. Attention is
// as good as linear in the tokens that are attended to, so their mean over the fullest rank's
// tokens stands for all its sequences.
#pragma once

#include <array>
#include <vector>

#include "sim/serving/step_clock.hpp"

namespace moesim {

struct StepFeatures {
  double tokens = 0;          // new ones, of all ranks
  double unevenness = 1;      // tokens of the fullest rank / mean over ranks
  double prompt_share = 0;    // of the new tokens, in eighths; the rest are answers
  double prompt_context = 0;  // that a token of a prompt attends to, mean over the fullest rank
  double answer_context = 0;  // likewise, of an answer
};

// At least one new token.
StepFeatures features_of(const StepBatch& batch);

// A batch of `ranks` ranks with those features, as far as tokens are whole: one full rank, the
// others alike, and on each as many sequences as there are answers (`drafts` tokens in each beside
// the next) and prompts of one length.
StepBatch plain_batch(const StepFeatures& features, int ranks, int drafts);

}  // namespace moesim
