// Gates that take the top-k of a softmax whose entries are multiplied by a factor of each expert.
#pragma once

#include "sim/gate/gating.hpp"

namespace moesim {

// p · factor over its sum, then top-k, weights over their sum. `factor` [experts]. Scores:
// adjusted.
Gating adjusted_topk(const Logits& logits, int top_k, std::span<const double> factor);

// Adds `usage` to a running average: (1 − smoothing) · average + smoothing · usage.
void smooth(std::span<float> average, std::span<const double> usage, double smoothing);

}  // namespace moesim
