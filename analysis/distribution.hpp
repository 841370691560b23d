// Mean and percentiles of what requests and steps took.
#pragma once

#include <cstdint>
#include <vector>

#include "analysis/json.hpp"

namespace moesim {

// Not numbers where there are no values.
struct Distribution {
  std::int64_t count = 0;
  double mean = 0, p50 = 0, p90 = 0, p95 = 0, p99 = 0, max = 0;
};

// A value that was there so many times.
struct CountedValue {
  double value = 0;
  std::int64_t count = 1;
};

// Percentiles interpolate linearly between the values in order, as numpy does without being asked:
// those of counted values are the ones of the values written out one by one.
Distribution distribution_of(std::vector<CountedValue> values);
Distribution distribution_of(const std::vector<double>& values);

Json distribution_json(const Distribution& all);

}  // namespace moesim
