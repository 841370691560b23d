// The metrics of a serving run (policies.md 5.5), from what it recorded.
//
// * A request counts if it arrives when the warm-up is over. Its latencies count if it finished;
//   those that were refused, or did not finish, are named, and meet no target.
// * TTFT = first token − arrival. TPOT = (end − first token) / (output − 1), undefined for one
//   token, which then meets any target for it. ITL = every gap between two successive tokens of a
//   request; with a warm-up, those that end after it. End to end = end − arrival.
// * Rates are over the time from the end of the warm-up to the end of the run.
// * Goodput is vLLM's: requests that meet all targets, per second.
// What is not defined is not a number; documents say null.
#pragma once

#include <string>
#include <vector>

#include "analysis/distribution.hpp"
#include "sim/model/service_targets.hpp"
#include "sim/model/serving_result.hpp"

namespace moesim {

// Of one request; not numbers where it did not finish.
struct RequestLatency {
  double ttft = 0, tpot = 0, e2e = 0;
  double normalized = 0;  // e2e / output tokens
  double queueing = 0;    // arrival to the beginning of its first step
};
RequestLatency latency_of(const RequestRecord& request);

// Whether it finished, within the targets.
bool meets(const RequestRecord& request, const LatencyTargets& targets);

// Of all requests, or of a class.
struct ServiceMetrics {
  std::string name;
  std::int64_t requests = 0, finished = 0, refused = 0;
  std::int64_t unfinished() const { return requests - finished - refused; }
  Distribution ttft, tpot, itl, e2e, normalized, queueing;  // seconds; normalized: per token
  Distribution kv_waiting;  // seconds between the pools, for room on a GPU that decodes
  // Of requests that finished.
  double requests_per_s = 0, input_tokens_per_s = 0, output_tokens_per_s = 0;
  double slo_attainment = 0;  // share of the requests; not a number without targets
  double goodput = 0;         // requests/s
  std::int64_t preemptions = 0, retries = 0;
  double prefix_hit_rate = 0;  // cached tokens / prompt tokens
};

struct PoolMetrics {
  std::string name;
  int gpus = 0, ranks = 0;
  std::int64_t steps = 0;
  Distribution step_time;  // seconds
  double busy = 0;         // share of the time in a step
  // Means over time, in which nothing runs or waits between steps.
  double running_mean = 0, waiting_mean = 0, kv_use_mean = 0;
  double running_max = 0, waiting_max = 0, kv_use_max = 0;
  double tokens_per_step = 0;    // new ones, of all ranks
  double gpu_max_over_mean = 0;  // mean over the time of the steps
  double stall = 0;              // seconds, sum
  std::int64_t preemptions = 0;
};

struct ServingMetrics {
  double seconds = 0;  // from the end of the warm-up to the end of the run
  int gpus = 0;        // of all pools
  ServiceMetrics all;
  std::vector<ServiceMetrics> classes;  // none where there is one class
  std::vector<PoolMetrics> pools;
  double output_tokens_per_s_per_gpu = 0;
  // Requests that have arrived and not ended, whenever they arrived. Little's law: where all end,
  // and nothing is warm-up, the mean is (requests / seconds) · mean time end to end.
  double under_way_mean = 0, under_way_max = 0;
};

ServingMetrics compute_serving_metrics(const ServingResult& result, const ServiceTargets& targets);

// What to read before trusting the numbers: what the run notes, and requests that did not finish or
// that nobody counts.
std::vector<std::string> serving_warnings(const ServingResult& result,
                                          const ServingMetrics& metrics);

}  // namespace moesim
