#include "analysis/sweep/sweep_ranking.hpp"

#include <algorithm>
#include <cmath>

#include "analysis/sweep/sweep_metrics.hpp"

namespace moesim {

double value_of(const SweepMean& mean, const ComparedMetric& metric) {
  const auto index = sweep_metric_index(metric.name);
  return index ? mean.metrics[*index] : std::nan("");
}

std::vector<const SweepMean*> ranked(const std::vector<SweepMean>& means,
                                     const ComparedMetric& metric) {
  std::vector<const SweepMean*> points;
  for (const SweepMean& mean : means)
    if (!std::isnan(value_of(mean, metric))) points.push_back(&mean);
  std::stable_sort(points.begin(), points.end(), [&](const SweepMean* a, const SweepMean* b) {
    return metric.better == Better::kHigher ? value_of(*a, metric) > value_of(*b, metric)
                                            : value_of(*a, metric) < value_of(*b, metric);
  });
  return points;
}

}  // namespace moesim
