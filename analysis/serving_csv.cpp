#include "analysis/serving_csv.hpp"

#include <algorithm>
#include <limits>

#include "analysis/csv_row.hpp"
#include "analysis/latency_series.hpp"
#include "analysis/serving_metrics.hpp"
#include "analysis/serving_series.hpp"
#include "sim/base/csv.hpp"

namespace moesim {
namespace {

std::string header(std::initializer_list<const char*> names, const char* last = nullptr) {
  CsvRow row;
  for (const char* name : names) row.put(name);
  if (last != nullptr) row.put(last);
  return row.line();
}

bool has_targets(const ServiceTargets& targets) {
  return targets.all.any() ||
         std::any_of(targets.classes.begin(), targets.classes.end(),
                     [](const ClassTargets& one) { return one.targets.any(); });
}

// A moment that a request which did not finish may not have come to; those stay 0.
double reached(const RequestRecord& request, double time) {
  const bool known = request.finished || time > 0;
  return known ? time : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

std::string requests_csv(const ServingResult& result, const ServiceTargets& targets) {
  const bool judged = has_targets(targets);
  std::string text =
      header({"id", "class", "arrival_s", "admitted_s", "first_token_s", "end_s", "input_tokens",
              "output_tokens", "cached_tokens", "ttft_s", "tpot_s", "e2e_s", "kv_waited_s",
              "preemptions", "retries", "prefill_rank", "decode_rank", "finished", "refused"},
             judged ? "meets_slo" : nullptr);
  for (const RequestRecord& request : result.requests) {
    const RequestLatency latency = latency_of(request);
    const std::string& name = result.classes[static_cast<std::size_t>(request.kind)].name;
    CsvRow row;
    row.add(request.id).put(csv_field(name)).add(request.arrival);
    row.add(reached(request, request.admitted)).add(reached(request, request.first_token));
    row.add(reached(request, request.end)).add(request.input).add(request.output);
    row.add(request.cached).add(latency.ttft).add(latency.tpot).add(latency.e2e);
    row.add(request.kv_waited)
        .add(request.preemptions)
        .add(request.retries)
        .add(request.prefill_rank);
    row.add(request.decode_rank).add(request.finished ? 1 : 0).add(request.refused ? 1 : 0);
    if (judged) row.add(meets(request, targets.of(name)) ? 1 : 0);
    text += row.line();
  }
  return text;
}

std::string serving_steps_csv(const ServingResult& result) {
  std::string text =
      header({"pool", "begin_s", "end_s", "steps", "step_s_max", "running", "waiting", "kv_use",
              "prompt_tokens", "answer_tokens", "gpu_max_over_mean", "stall_s", "preemptions"});
  for (const PoolRecord& pool : result.pools)
    for (const SeriesPart& part : pool_series(pool, result.seconds)) {
      CsvRow row;
      row.put(csv_field(pool.name)).add(part.begin).add(part.end).add(part.steps);
      row.add(part.step_time_max).add(part.running).add(part.waiting).add(part.kv_use);
      row.add(part.prompt_tokens).add(part.answer_tokens).add(part.gpu_max_over_mean);
      text += row.add(part.stall).add(part.preemptions).line();
    }
  return text;
}

std::string serving_latencies_csv(const ServingResult& result) {
  std::string text =
      header({"begin_s", "end_s", "arrivals", "ends", "ttft_s_mean", "ttft_s_p50", "ttft_s_p99",
              "ttft_s_max", "itl_s_mean", "itl_s_p50", "itl_s_p99", "itl_s_max"});
  for (const LatencyPart& part : latency_series(result)) {
    CsvRow row;
    row.add(part.begin).add(part.end).add(part.arrivals).add(part.ends);
    for (const Distribution& latency : {part.ttft, part.itl})
      row.add(latency.mean).add(latency.p50).add(latency.p99).add(latency.max);
    text += row.line();
  }
  return text;
}

}  // namespace moesim
