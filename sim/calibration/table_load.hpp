// The expert loads that the measured tables of fused MoE kernels were taken with: the generators of
// ai-dynamo/aiconfigurator, as documented with the tables (policies.md 1.14). A row of a table is
// EP rank 0 of such a load.
#pragma once

#include <vector>

#include "sim/model/power_law.hpp"

namespace moesim {

using LoadShape = PowerLawShape;

// Token t, choice j goes to expert (t + j·⌈E/k⌉) mod E; where there are fewer tokens than the
// stride they are spread. Routes per expert, [experts].
std::vector<int> balanced_load(const LoadShape& shape);

// One draw of a power law with exponent −alpha (sim/model/power_law.hpp).
std::vector<int> power_law_load(const LoadShape& shape, double alpha, Rng& rng);

}  // namespace moesim
