// Latencies over the time of a serving run: what a stall, a failure or a wave of requests does to
// them. For charts, and serving_latencies.csv.
#pragma once

#include <vector>

#include "analysis/distribution.hpp"
#include "sim/model/serving_result.hpp"

namespace moesim {

struct LatencyPart {
  double begin = 0, end = 0;  // seconds
  std::int64_t arrivals = 0, ends = 0;
  Distribution ttft;  // of the requests that arrive in it and finish
  Distribution itl;   // of the gaps that end in it
};

inline constexpr int kLatencyParts = 100;

// So many parts of equal length, from 0 to the end of the run; none where nothing was done.
std::vector<LatencyPart> latency_series(const ServingResult& result);

}  // namespace moesim
