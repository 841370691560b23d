// The metrics of a run (policies.md section 5, DESIGN §7), from what it recorded.
//
// Ratios are averaged as DESIGN §7 says: over the layers of a step, then over steps. What is not
// defined (no step, no route, nobody counted) is not a number; documents say null.
#pragma once

#include "sim/model/run_result.hpp"

namespace moesim {

struct StepTimes {
  double mean = 0, p50 = 0, p95 = 0, p99 = 0, max = 0;  // seconds
};

struct Metrics {
  double tokens_per_s = 0;  // new tokens of all GPUs / time of all steps
  double tokens_per_s_per_gpu = 0;
  StepTimes step_time;
  PhaseSeconds breakdown{};           // mean over GPUs, then steps; sums to the mean step time
  CommunicationRecord communication;  // mean over steps
  ImbalanceRecord imbalance;
  double balancedness_vllm = 0;  // of a step: Σ layers mean GPU load / Σ layers max GPU load
  double straggler_wait_fraction = 0;  // Σ wait / Σ (GPUs × step time)
  double drop_rate = 0;                // dropped routes / routes
  double token_drop_rate = 0;          // (token, layer) pairs without a kept route / all pairs
  double padding_waste = 0;            // 1 − kept routes / rows computed
  double nvlink_bytes = 0, network_bytes = 0, migration_bytes = 0;  // per step, all GPUs
  double memory_bytes_max = 0;                                      // of the fullest GPU
};

// Not a number where `whole` is 0.
double ratio(double part, double whole);

Metrics compute_metrics(const RunResult& result);

}  // namespace moesim
