// The points of a sweep by a metric of `moesim compare`.
#pragma once

#include <vector>

#include "analysis/compare.hpp"
#include "analysis/sweep/sweep_table.hpp"

namespace moesim {

// Not a number where the sweep does not keep the metric, or no run of the point has it.
double value_of(const SweepMean& mean, const ComparedMetric& metric);

// The best first; points without a value are left out. They point into `means`.
std::vector<const SweepMean*> ranked(const std::vector<SweepMean>& means,
                                     const ComparedMetric& metric);

}  // namespace moesim
