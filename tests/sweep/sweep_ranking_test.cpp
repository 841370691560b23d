#include "analysis/sweep/sweep_ranking.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "analysis/sweep/sweep_metrics.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;

// Points with these means of a metric.
std::vector<SweepMean> points(const std::string& metric, const std::vector<double>& values) {
  std::vector<SweepMean> means;
  for (const double value : values) {
    means.push_back({.metrics = std::vector<double>(sweep_metrics().size(), std::nan(""))});
    means.back().metrics[*sweep_metric_index(metric)] = value;
  }
  return means;
}

std::vector<double> order(const std::string& metric, const std::vector<double>& values) {
  std::vector<double> best_first;
  const std::vector<SweepMean> means = points(metric, values);
  for (const SweepMean* mean : ranked(means, *find_metric(metric)))
    best_first.push_back(value_of(*mean, *find_metric(metric)));
  return best_first;
}

TEST(SweepRanking, BeginsWithTheBestAndLeavesOutWhatHasNoValue) {
  EXPECT_THAT(order("tokens_per_s", {2, std::nan(""), 5, 3}), ElementsAre(5, 3, 2));
  EXPECT_THAT(order("step_time_s.mean", {2, std::nan(""), 5, 3}), ElementsAre(2, 3, 5));
}

TEST(SweepRanking, KeepsTheOrderOfEqualPoints) {
  const std::vector<SweepMean> means = points("tokens_per_s", {1, 1});
  EXPECT_THAT(ranked(means, *find_metric("tokens_per_s")), ElementsAre(&means[0], &means[1]));
}

}  // namespace
}  // namespace moesim
