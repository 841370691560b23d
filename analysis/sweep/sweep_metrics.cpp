#include "analysis/sweep/sweep_metrics.hpp"

#include <algorithm>

#include "analysis/json.hpp"
#include "analysis/phases.hpp"

namespace moesim {
namespace {

using Names = std::vector<std::string>;

Names with_prefix(const std::string& prefix, const Names& names) {
  Names all;
  for (const std::string& name : names) all.push_back(prefix + "." + name);
  return all;
}

Names joined(const std::vector<Names>& parts) {
  Names all;
  for (const Names& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Names phases() {
  Names names;
  for (const Phase phase : kUsualPhases) names.emplace_back(to_string(phase));
  for (const Phase phase : kFurtherPhases) names.emplace_back(to_string(phase));
  return names;
}

// Of all phases together, and of those that the links of a step carry in most runs.
Names communication() {
  std::vector<Names> parts;
  for (const char* phase : {"any", "dispatch", "combine", "collectives", "migration", "offload",
                            "pipeline", "gradients", "kv"})
    parts.push_back(
        with_prefix(std::string("communication_s.") + phase, {"under_way", "hidden", "exposed"}));
  return joined(parts);
}

Names distribution(const std::string& name) {
  return with_prefix(name, {"mean", "p50", "p90", "p95", "p99", "max"});
}

Names bands() {
  std::vector<Names> parts;
  for (const char* metric : {"tokens_per_s", "tokens_per_s_per_gpu", "step_time_s.mean", "mfu"})
    parts.push_back(with_prefix(std::string("uncertainty.") + metric, {"low", "high"}));
  return joined(parts);
}

Names service() {
  return joined({{"requests_per_s", "goodput_requests_per_s", "slo_attainment"},
                 with_prefix("serving",
                             {"requests", "finished", "unfinished", "refused", "preemptions",
                              "retries", "prefix_hit_rate", "input_tokens_per_s",
                              "output_tokens_per_s", "seconds", "under_way.mean", "under_way.max"}),
                 distribution("serving.queueing_s"),
                 distribution("serving.kv_waiting_s")});
}

Names offload() {
  return with_prefix("offload",
                     {"slots", "experts", "expert_bytes", "hit_rate", "layer_hit_rate", "late_rate",
                      "cpu_rate", "low_rate", "bytes.demand", "bytes.prefetch", "bytes.host",
                      "bytes.disk", "exposed_s", "prefetch_used", "prefetch_wasted"});
}

Names balance() {
  return joined({with_prefix("imbalance", {"gpu_max_over_mean", "expert_max_over_mean", "gpu_cv",
                                           "gpu_gini", "balancedness_sglang", "balancedness_vllm"}),
                 {"straggler_wait_fraction", "drop_rate", "token_drop_rate", "padding_waste"}});
}

// `number` of each leaf of the tree below `prefix`.
void flatten(const Json& node, const std::string& prefix,
             std::vector<std::pair<std::string, double>>& numbers) {
  if (node.is_number()) numbers.emplace_back(prefix, node.get<double>());
  if (!node.is_object()) return;
  for (const auto& [key, value] : node.items())
    flatten(value, prefix.empty() ? key : prefix + "." + key, numbers);
}

}  // namespace

const std::vector<SweepMetricGroup>& sweep_metric_groups() {
  static const std::vector<SweepMetricGroup> groups = {
      {"throughput",
       "tokens per second, use of the GPUs, memory",
       {"tokens_per_s", "tokens_per_s_per_gpu", "gpu_use", "mfu", "memory_bytes_max"}},
      {"step_time", "seconds of a step",
       with_prefix("step_time_s", {"mean", "p50", "p95", "p99", "max"})},
      {"breakdown", "seconds of a step by phase", with_prefix("breakdown_s", phases())},
      {"communication", "seconds of a step under way, hidden and exposed", communication()},
      {"balance", "imbalance of GPUs and experts, waiting, drops, padding", balance()},
      {"traffic", "bytes of a step, and use of the busiest links",
       joined({with_prefix("bytes", {"nvlink", "network", "migration"}),
               with_prefix("link_use", {"nvlink_max", "nic_max", "spine_max"})})},
      {"latency", "seconds of requests: to the first token, between tokens, end to end",
       joined({distribution("ttft_s"), distribution("tpot_s"), distribution("itl_s"),
               distribution("e2e_s")})},
      {"service", "requests: rates, targets met, what became of them", service()},
      {"offload", "experts kept outside the GPUs' memory", offload()},
      {"uncertainty", "bands from the calibrations' held-out errors", bands()}};
  return groups;
}

const std::vector<std::string>& sweep_metrics() {
  static const std::vector<std::string> metrics = [] {
    std::vector<std::string> all;
    for (const SweepMetricGroup& group : sweep_metric_groups())
      all.insert(all.end(), group.metrics.begin(), group.metrics.end());
    return all;
  }();
  return metrics;
}

std::optional<std::size_t> sweep_metric_index(const std::string& name) {
  const std::vector<std::string>& names = sweep_metrics();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<std::size_t>(found - names.begin());
}

std::vector<std::pair<std::string, double>> summary_numbers(const Json& summary) {
  std::vector<std::pair<std::string, double>> numbers;
  flatten(summary.at("metrics"), "", numbers);
  for (const char* part : {"uncertainty", "serving", "offload"})
    if (const auto found = summary.find(part); found != summary.end()) {
      Json node = *found;
      if (node.is_object())  // those of all requests are in `metrics`
        for (const char* name : {"ttft_s", "tpot_s", "itl_s", "e2e_s", "normalized_latency_s",
                                 "requests_per_s", "goodput_requests_per_s", "slo_attainment",
                                 "slo", "warmup_s", "output_tokens_per_s_per_gpu"})
          node.erase(name);
      flatten(node, part, numbers);
    }
  return numbers;
}

}  // namespace moesim
