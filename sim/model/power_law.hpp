// Expert loads from a power law, as ai-dynamo/aiconfigurator makes them for its measured tables
// (policies.md 1.14).
#pragma once

#include <vector>

#include "sim/base/random.hpp"

namespace moesim {

struct PowerLawShape {
  int tokens = 0;  // of the whole expert-parallel group
  int experts = 0;
  int top_k = 1;
  int ranks = 1;  // of the group; they hold equal contiguous shares of the experts
  auto operator<=>(const PowerLawShape&) const = default;
};

// One number per expert with density ~ x^−alpha, before it is scaled to routes: on [1, 0.8·tokens],
// or on [0.01, 2] where there are no more routes than experts. alpha = 1 is the logarithmic limit.
std::vector<double> power_law_draws(const PowerLawShape& shape, double alpha, Rng& rng);

// Routes per expert, [experts], that sum to tokens · top_k with none above tokens: `draws` scaled
// and rounded half to even; what was cut at `tokens` and the rounding error then go round the ranks
// one at a time, to the rank's least loaded expert (an excess from its most loaded); at last the
// heaviest rank changes places with rank 0.
std::vector<int> power_law_routes(const PowerLawShape& shape, const std::vector<double>& draws);

}  // namespace moesim
