// What experts outside the GPUs' memory cost: hits, bytes, and what of the fetches nothing hides.
#pragma once

#include <string>
#include <vector>

#include "analysis/json.hpp"
#include "sim/model/run_result.hpp"

namespace moesim {

// Over the measured steps; NaN where nothing is divided.
struct OffloadSummary {
  double hit_rate = 0;        // of the uses of experts
  double layer_hit_rate = 0;  // of (GPU, layer) pairs: all that was used was there
  double late_rate = 0;       // of the uses: on its way, ahead of the demand
  double cpu_rate = 0;        // of the uses
  double low_rate = 0;        // of the uses: fetched in low precision
  double demand_bytes = 0, prefetch_bytes = 0;  // per step, of all GPUs
  double host_bytes = 0, disk_bytes = 0;        // of both
  double exposed_s = 0;                         // of a step, mean over GPUs
  double prefetch_used = 0;                     // of the prefetches that were begun
  double prefetch_wasted = 0;                   // of their bytes: of experts that had to go unused
};
OffloadSummary summarize_offload(const RunResult& result);

// Of a run that offloads experts.
Json offload_json(const RunResult& result);

// For the table: none where every expert has its slot.
std::vector<std::string> offload_lines(const RunResult& result);

// A column for each, of steps.csv.
std::vector<std::string> offload_columns();
std::vector<double> offload_row(const OffloadRecord& record);

}  // namespace moesim
