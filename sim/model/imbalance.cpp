#include "sim/model/imbalance.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <vector>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

double sum(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

// Natural logarithm; 0 ln 0 = 0. `total` > 0.
double entropy(std::span<const double> load, double total) {
  double nats = 0;
  for (const double x : load)
    if (x > 0) nats -= x / total * std::log(x / total);
  return nats;
}

}  // namespace

double mean(std::span<const double> values) {
  return values.empty() ? 0 : sum(values) / static_cast<double>(values.size());
}

double maximum(std::span<const double> values) {
  return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
}

double max_over_mean(std::span<const double> load) {
  const double average = mean(load);
  return average > 0 ? maximum(load) / average : 1;
}

double coefficient_of_variation(std::span<const double> load) {
  const double average = mean(load);
  if (average <= 0) return 0;
  double squares = 0;
  for (const double x : load) squares += (x - average) * (x - average);
  return std::sqrt(squares / static_cast<double>(load.size())) / average;
}

double gini(std::span<const double> load) {
  const double total = sum(load);
  if (total <= 0) return 0;
  std::vector<double> sorted(load.begin(), load.end());
  std::sort(sorted.begin(), sorted.end());
  double ranked = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) ranked += static_cast<double>(i + 1) * sorted[i];
  const double n = static_cast<double>(sorted.size());
  return 2 * ranked / (n * total) - (n + 1) / n;
}

double normalized_entropy(std::span<const double> load) {
  const double total = sum(load);
  if (total <= 0 || load.size() < 2) return 1;
  return entropy(load, total) / std::log(static_cast<double>(load.size()));
}

double effective_count(std::span<const double> load) {
  const double total = sum(load);
  return total > 0 ? std::exp(entropy(load, total)) : static_cast<double>(load.size());
}

double balancedness_sglang(std::span<const double> load) {
  return (mean(load) + 1e-5) / (maximum(load) + 1e-5);
}

double top_share(std::span<const double> load, int count) {
  const double total = sum(load);
  const std::size_t top = std::min(load.size(), static_cast<std::size_t>(std::max(count, 0)));
  if (total <= 0)
    return load.empty() ? 0 : static_cast<double>(top) / static_cast<double>(load.size());
  std::vector<double> sorted(load.begin(), load.end());
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  return sum(std::span<const double>(sorted).first(top)) / total;
}

double quantile(std::span<const double> values, double fraction) {
  MOESIM_CHECK(!values.empty(), "a quantile needs values");
  MOESIM_CHECK(fraction >= 0 && fraction <= 1, "a quantile is asked for as a fraction");
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  const double place = fraction * static_cast<double>(sorted.size() - 1);
  const std::size_t below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace moesim
