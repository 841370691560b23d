// What decides how long a step takes, in a few numbers; and a plain batch that has given numbers.
//
// All ranks meet in every MoE layer: so it is the tokens of all of them that decide the experts'
// work and the traffic, and the fullest rank that decides when the others may go on. Attention is
// as good as linear in what is attended to, so its sum over a rank stands for the rank's sequences.
// Prompts and answers have numbers of their own: their attention differs, and the rank with the
// most of the one need not be the rank with the most of the other.
#pragma once

#include "sim/serving/step_clock.hpp"

namespace moesim {

// Of the prompts, or of the answers, of a step.
struct KindFeatures {
  double tokens = 0;      // new ones, of all ranks; 0: there are none
  double unevenness = 1;  // tokens of the rank with the most / mean over ranks
  // Σ over the new tokens of the tokens that they attend to, of the rank where it is the largest.
  double attended = 0;
};

struct StepFeatures {
  KindFeatures prompts, answers;
};

// At least one new token.
StepFeatures features_of(const StepBatch& batch);

// A batch of `ranks` ranks with those features, as far as tokens are whole. The first rank has the
// most of the prompts, the last the most of the answers (`drafts` tokens in each beside the next),
// and the others share the rest evenly; every token of a kind attends to as many.
StepBatch plain_batch(const StepFeatures& features, int ranks, int drafts);

}  // namespace moesim
