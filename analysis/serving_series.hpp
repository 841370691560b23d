// How a pool stood over the time of a serving run: for charts, and serving_steps.csv.
#pragma once

#include <vector>

#include "sim/model/serving_result.hpp"

namespace moesim {

// A step of the pool, or a part of the run with those of its steps that begin in it. Where several
// steps share a part, `running`, `waiting` and `kv_use` are means over its time, in which nothing
// runs or waits between steps, and `gpu_max_over_mean` is one over the time of steps: not a number
// where there is none. Tokens and stalls of a step that reaches over several parts are divided by
// time.
struct SeriesPart {
  double begin = 0, end = 0;  // seconds
  std::int64_t steps = 0;     // that begin in it
  double step_time_max = 0;   // of those
  double running = 0, waiting = 0, kv_use = 0;
  double prompt_tokens = 0, answer_tokens = 0;
  double gpu_max_over_mean = 0;
  double stall = 0;  // seconds
  std::int64_t preemptions = 0;
};

inline constexpr int kMostParts = 500;

// Each step where there are at most kMostParts, else as many parts of equal length, from 0 to
// `seconds`.
std::vector<SeriesPart> pool_series(const PoolRecord& pool, double seconds);

}  // namespace moesim
