#include "analysis/serving_summary.hpp"

namespace moesim {
namespace {

Json targets_json(const LatencyTargets& targets) {
  Json json = Json::object();
  if (targets.ttft.value > 0) json["ttft_s"] = targets.ttft.value;
  if (targets.tpot.value > 0) json["tpot_s"] = targets.tpot.value;
  if (targets.e2e.value > 0) json["e2e_s"] = targets.e2e.value;
  return json;
}

Json service_json(const ServiceMetrics& one, const LatencyTargets& targets) {
  return {{"name", one.name},
          {"requests", one.requests},
          {"finished", one.finished},
          {"unfinished", one.unfinished()},
          {"refused", one.refused},
          {"ttft_s", distribution_json(one.ttft)},
          {"tpot_s", distribution_json(one.tpot)},
          {"itl_s", distribution_json(one.itl)},
          {"e2e_s", distribution_json(one.e2e)},
          {"normalized_latency_s", distribution_json(one.normalized)},
          {"queueing_s", distribution_json(one.queueing)},
          {"kv_waiting_s", distribution_json(one.kv_waiting)},
          {"requests_per_s", number_or_null(one.requests_per_s)},
          {"input_tokens_per_s", number_or_null(one.input_tokens_per_s)},
          {"output_tokens_per_s", number_or_null(one.output_tokens_per_s)},
          {"slo", targets_json(targets)},
          {"slo_attainment", number_or_null(one.slo_attainment)},
          {"goodput_requests_per_s", number_or_null(one.goodput)},
          {"preemptions", one.preemptions},
          {"retries", one.retries},
          {"prefix_hit_rate", number_or_null(one.prefix_hit_rate)}};
}

Json mean_and_max(double mean, double max) {
  return {{"mean", number_or_null(mean)}, {"max", number_or_null(max)}};
}

Json pool_json(const PoolMetrics& pool) {
  return {{"name", pool.name},
          {"gpus", pool.gpus},
          {"ranks", pool.ranks},
          {"steps", pool.steps},
          {"step_time_s", distribution_json(pool.step_time)},
          {"busy", number_or_null(pool.busy)},
          {"running", mean_and_max(pool.running_mean, pool.running_max)},
          {"waiting", mean_and_max(pool.waiting_mean, pool.waiting_max)},
          {"kv_use", mean_and_max(pool.kv_use_mean, pool.kv_use_max)},
          {"tokens_per_step", number_or_null(pool.tokens_per_step)},
          {"gpu_max_over_mean", number_or_null(pool.gpu_max_over_mean)},
          {"stall_s", number_or_null(pool.stall)},
          {"preemptions", pool.preemptions}};
}

}  // namespace

Json serving_json(const ServingMetrics& metrics, const ServiceTargets& targets) {
  Json json = service_json(metrics.all, targets.all);
  json.erase("name");
  json["seconds"] = number_or_null(metrics.seconds);
  json["warmup_s"] = targets.warmup.value;
  json["output_tokens_per_s_per_gpu"] = number_or_null(metrics.output_tokens_per_s_per_gpu);
  json["under_way"] = mean_and_max(metrics.under_way_mean, metrics.under_way_max);
  json["classes"] = Json::array();
  for (const ServiceMetrics& one : metrics.classes)
    json["classes"].push_back(service_json(one, targets.of(one.name)));
  json["pools"] = Json::array();
  for (const PoolMetrics& pool : metrics.pools) json["pools"].push_back(pool_json(pool));
  return json;
}

}  // namespace moesim
