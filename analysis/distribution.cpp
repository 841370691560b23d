#include "analysis/distribution.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace moesim {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

// Of the values written out in order: `before[i]` of them stand before values[i].
double at(const std::vector<CountedValue>& values, const std::vector<std::int64_t>& before,
          std::int64_t index) {
  const auto after = std::upper_bound(before.begin(), before.end(), index);
  return values[static_cast<std::size_t>(after - before.begin()) - 1].value;
}

double quantile_of(const std::vector<CountedValue>& values, const std::vector<std::int64_t>& before,
                   std::int64_t count, double fraction) {
  const double place = fraction * static_cast<double>(count - 1);
  const auto low = static_cast<std::int64_t>(place);
  const double first = at(values, before, low);
  const double second = at(values, before, std::min(low + 1, count - 1));
  return first + (second - first) * (place - static_cast<double>(low));
}

}  // namespace

Distribution distribution_of(std::vector<CountedValue> values) {
  std::erase_if(values, [](const CountedValue& one) { return one.count <= 0; });
  if (values.empty())
    return {0, kUndefined, kUndefined, kUndefined, kUndefined, kUndefined, kUndefined};
  std::sort(values.begin(), values.end(),
            [](const CountedValue& a, const CountedValue& b) { return a.value < b.value; });
  std::int64_t count = 0;
  double sum = 0;
  std::vector<std::int64_t> before;
  for (const CountedValue& one : values) {
    before.push_back(count);
    count += one.count;
    sum += one.value * static_cast<double>(one.count);
  }
  const auto quantile = [&](double fraction) {
    return quantile_of(values, before, count, fraction);
  };
  return {.count = count,
          .mean = sum / static_cast<double>(count),
          .p50 = quantile(0.50),
          .p90 = quantile(0.90),
          .p95 = quantile(0.95),
          .p99 = quantile(0.99),
          .max = values.back().value};
}

Distribution distribution_of(const std::vector<double>& values) {
  std::vector<CountedValue> counted;
  counted.reserve(values.size());
  for (const double value : values) counted.push_back({value, 1});
  return distribution_of(std::move(counted));
}

Json distribution_json(const Distribution& all) {
  return {{"mean", number_or_null(all.mean)}, {"p50", number_or_null(all.p50)},
          {"p90", number_or_null(all.p90)},   {"p95", number_or_null(all.p95)},
          {"p99", number_or_null(all.p99)},   {"max", number_or_null(all.max)}};
}

}  // namespace moesim
