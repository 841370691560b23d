#include "analysis/metrics.hpp"

#include <algorithm>
#include <functional>
#include <limits>

#include "sim/model/imbalance.hpp"

namespace moesim {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

using StepValue = std::function<double(const StepRecord&)>;

double sum_over_steps(const RunResult& result, const StepValue& value) {
  double sum = 0;
  for (const StepRecord& step : result.steps) sum += value(step);
  return sum;
}

double mean_over_steps(const RunResult& result, const StepValue& value) {
  return ratio(sum_over_steps(result, value), static_cast<double>(result.steps.size()));
}

StepTimes step_times(const RunResult& result) {
  std::vector<double> seconds;
  for (const StepRecord& step : result.steps) seconds.push_back(step.seconds);
  if (seconds.empty()) return {kUndefined, kUndefined, kUndefined, kUndefined, kUndefined};
  return {.mean = mean(seconds),
          .p50 = quantile(seconds, 0.50),
          .p95 = quantile(seconds, 0.95),
          .p99 = quantile(seconds, 0.99),
          .max = maximum(seconds)};
}

// A dense model routes nothing. A serving run keeps no layers.
bool routes_tokens(const RunResult& result) {
  return !result.layers.empty() ||
         (result.serving && !result.steps.empty() && result.steps.front().routes > 0);
}

ImbalanceRecord mean_imbalance(const RunResult& result) {
  const auto mean_of = [&](double ImbalanceRecord::*member) {
    if (!routes_tokens(result)) return kUndefined;
    return mean_over_steps(result,
                           [member](const StepRecord& step) { return step.imbalance.*member; });
  };
  return {.gpu_max_over_mean = mean_of(&ImbalanceRecord::gpu_max_over_mean),
          .expert_max_over_mean = mean_of(&ImbalanceRecord::expert_max_over_mean),
          .gpu_cv = mean_of(&ImbalanceRecord::gpu_cv),
          .gpu_gini = mean_of(&ImbalanceRecord::gpu_gini),
          .balancedness_sglang = mean_of(&ImbalanceRecord::balancedness_sglang)};
}

CommunicationRecord mean_communication(const RunResult& result) {
  const auto mean_of = [&](const StepValue& value) { return mean_over_steps(result, value); };
  CommunicationRecord mean;
  for (std::size_t phase = 0; phase < mean.hidden.size(); ++phase) {
    mean.under_way[phase] =
        mean_of([phase](const StepRecord& step) { return step.communication.under_way[phase]; });
    mean.hidden[phase] =
        mean_of([phase](const StepRecord& step) { return step.communication.hidden[phase]; });
  }
  mean.any_under_way =
      mean_of([](const StepRecord& step) { return step.communication.any_under_way; });
  mean.any_hidden = mean_of([](const StepRecord& step) { return step.communication.any_hidden; });
  return mean;
}

double token_drop_rate(const RunResult& result) {
  const bool known = std::all_of(result.steps.begin(), result.steps.end(),
                                 [](const StepRecord& step) { return step.dropped_tokens_known; });
  if (!known) return kUndefined;
  const double layers = static_cast<double>(result.layers.size());
  return ratio(
      sum_over_steps(result,
                     [](const StepRecord& s) { return static_cast<double>(s.dropped_tokens); }),
      layers * sum_over_steps(result,
                              [](const StepRecord& s) { return static_cast<double>(s.tokens); }));
}

}  // namespace

double ratio(double part, double whole) { return whole > 0 ? part / whole : kUndefined; }

Metrics compute_metrics(const RunResult& result) {
  const auto sum = [&](auto member) {
    return sum_over_steps(
        result, [member](const StepRecord& step) { return static_cast<double>(step.*member); });
  };
  const double steps = static_cast<double>(result.steps.size());
  Metrics metrics;
  metrics.tokens_per_s =
      result.output_per_token * ratio(sum(&StepRecord::tokens), sum(&StepRecord::seconds));
  metrics.tokens_per_s_per_gpu = ratio(metrics.tokens_per_s, result.gpus);
  metrics.step_time = step_times(result);
  for (std::size_t phase = 0; phase < metrics.breakdown.size(); ++phase)
    metrics.breakdown[phase] =
        mean_over_steps(result, [phase](const StepRecord& step) { return step.breakdown[phase]; });
  metrics.communication = mean_communication(result);
  metrics.imbalance = mean_imbalance(result);
  metrics.balancedness_vllm = mean_over_steps(result, [&](const StepRecord& step) {
    if (!routes_tokens(result)) return kUndefined;
    return step.vllm_max > 0 ? step.vllm_mean / step.vllm_max : 1;
  });
  metrics.straggler_wait_fraction =
      ratio(metrics.breakdown[static_cast<std::size_t>(Phase::kWait)], metrics.step_time.mean);
  const double routes = sum(&StepRecord::routes), dropped = sum(&StepRecord::dropped_routes);
  metrics.drop_rate = ratio(dropped, routes);
  metrics.token_drop_rate = token_drop_rate(result);
  const double kept = ratio(routes - dropped, sum(&StepRecord::rows));
  metrics.padding_waste = 1 - kept;
  metrics.nvlink_bytes = ratio(sum(&StepRecord::nvlink_bytes), steps);
  metrics.network_bytes = ratio(sum(&StepRecord::network_bytes), steps);
  metrics.migration_bytes = ratio(sum(&StepRecord::migration_bytes), steps);
  metrics.memory_bytes_max = result.gpu_records.empty() ? kUndefined : 0;
  for (const GpuRecord& gpu : result.gpu_records)
    metrics.memory_bytes_max = std::max(metrics.memory_bytes_max, gpu.memory_bytes);
  return metrics;
}

}  // namespace moesim
