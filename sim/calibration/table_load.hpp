// The expert loads that the measured tables of fused MoE kernels were taken with: the generators of
// ai-dynamo/aiconfigurator, as documented with the tables (policies.md 1.14). A row of a table is
// EP rank 0 of such a load.
#pragma once

#include <vector>

#include "sim/base/random.hpp"

namespace moesim {

struct LoadShape {
  int tokens = 0;  // of the whole EP group
  int experts = 0;
  int top_k = 1;
  int ranks = 1;  // EP group; divides experts
  auto operator<=>(const LoadShape&) const = default;
};

// Token t, choice j goes to expert (t + j·⌈E/k⌉) mod E; where there are fewer tokens than the
// stride they are spread. Routes per expert, [experts].
std::vector<int> balanced_load(const LoadShape& shape);

// Loads from a power law with exponent −alpha, cut at `tokens`, the heaviest rank moved to rank 0.
// Routes per expert, [experts]; they sum to tokens × top_k. alpha = 1 is the logarithmic limit.
std::vector<int> power_law_load(const LoadShape& shape, double alpha, Rng& rng);

}  // namespace moesim
