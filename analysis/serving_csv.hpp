// requests.csv, serving_steps.csv and serving_latencies.csv: one row per request; each pool, and
// latencies, over the time of the run.
//
// As in csv.hpp: SI units, and a field is empty where the value is not known.
//
// requests.csv: id, class, arrival_s, admitted_s, first_token_s, end_s (since the start of the run;
// empty where it did not come to that), input_tokens, output_tokens, cached_tokens (of the prompt),
// ttft_s, tpot_s, e2e_s, kv_waited_s, preemptions, retries, prefill_rank, decode_rank, finished and
// refused (1 or 0), and where there are targets meets_slo (1 or 0). Requests of the warm-up are in
// it.
// serving_steps.csv: pool, begin_s, end_s, steps, step_s_max, running, waiting (requests), kv_use,
// prompt_tokens, answer_tokens, gpu_max_over_mean, stall_s, preemptions: a row per step, or per
// part of the run where a pool has more than 500 (analysis/serving_series.hpp).
// serving_latencies.csv: begin_s, end_s, arrivals, ends (requests), then mean, p50, p99 and max of
// TTFT (of the requests that arrive in this part of the run) and ITL (of the gaps that end in it):
// ttft_s_mean, …, itl_s_max (analysis/latency_series.hpp).
#pragma once

#include <string>

#include "sim/model/service_targets.hpp"
#include "sim/model/serving_result.hpp"

namespace moesim {

std::string requests_csv(const ServingResult& result, const ServiceTargets& targets);
std::string serving_steps_csv(const ServingResult& result);
std::string serving_latencies_csv(const ServingResult& result);

}  // namespace moesim
