#include "analysis/metric_catalog.hpp"

#include "analysis/format.hpp"

namespace moesim {
namespace {

using Unit = ComparedMetric::Unit;

bool matches(const std::string& name, const std::string& pattern) {
  for (std::size_t n = 0, p = 0;;) {
    const std::size_t name_end = std::min(name.find('.', n), name.size());
    const std::size_t pattern_end = std::min(pattern.find('.', p), pattern.size());
    const std::string part = pattern.substr(p, pattern_end - p);
    if (part != "*" && part != name.substr(n, name_end - n)) return false;
    if (name_end == name.size() || pattern_end == pattern.size())
      return name_end == name.size() && pattern_end == pattern.size();
    n = name_end + 1;
    p = pattern_end + 1;
  }
}

}  // namespace

const std::vector<MetricInfo>& metric_catalog() {
  static const std::vector<MetricInfo> all = {
      {"tokens_per_s", Unit::kCount,
       "new tokens of all GPUs over the time of all steps; serving: tokens of answers"},
      {"tokens_per_s_per_gpu", Unit::kCount, "the same, for each GPU"},
      {"step_time_s.*", Unit::kTime, "time of a step: mean, percentiles, longest"},
      {"breakdown_s.*", Unit::kTime,
       "time of a step by phase, mean over GPUs, then steps; the phases sum to the step time"},
      {"communication_s.*.under_way", Unit::kTime,
       "time with a phase's transfers under way; any: of any phase"},
      {"communication_s.*.hidden", Unit::kTime, "of it, beside a kernel of the same GPU"},
      {"communication_s.*.exposed", Unit::kTime, "of it, with nothing else running"},
      {"imbalance.gpu_max_over_mean", Unit::kRatio,
       "tokens of the busiest GPU over the mean, by layer and step, averaged"},
      {"imbalance.expert_max_over_mean", Unit::kRatio,
       "the same of logical experts, whatever the placement"},
      {"imbalance.gpu_cv", Unit::kRatio,
       "standard deviation of the GPUs' tokens over their mean (of the population)"},
      {"imbalance.gpu_gini", Unit::kRatio, "Gini coefficient of the GPUs' tokens"},
      {"imbalance.balancedness_sglang", Unit::kRatio,
       "mean over maximum of the GPUs' tokens, by layer, averaged (as SGLang logs it)"},
      {"imbalance.balancedness_vllm", Unit::kRatio,
       "sum over layers of the mean over the sum of the maximum (as vLLM logs it)"},
      {"straggler_wait_fraction", Unit::kShare,
       "share of all GPUs' time that is spent waiting for others"},
      {"drop_rate", Unit::kShare, "routes that were dropped, of all routes"},
      {"token_drop_rate", Unit::kShare, "(token, layer) pairs that lost every route, of all pairs"},
      {"padding_waste", Unit::kShare, "rows that experts compute for no route, of all rows"},
      {"bytes.nvlink", Unit::kBytes, "sent over NVLink in a step, all GPUs"},
      {"bytes.network", Unit::kBytes, "sent over NICs in a step, all GPUs"},
      {"bytes.migration", Unit::kBytes, "weights moved in a step, apart from the other two"},
      {"link_use.nvlink_max", Unit::kShare, "use of the busiest NVLink port"},
      {"link_use.nic_max", Unit::kShare, "use of the busiest NIC"},
      {"link_use.spine_max", Unit::kShare, "use of the busiest link between leaf and spine"},
      {"gpu_use", Unit::kShare, "share of the time in which a kernel runs, mean over GPUs"},
      {"mfu", Unit::kShare, "model FLOPs over what the GPUs could have done in the time"},
      {"memory_bytes_max", Unit::kBytes, "memory of the fullest GPU"},
      {"ttft_s.*", Unit::kTime, "serving: from a request's arrival to its first token"},
      {"tpot_s.*", Unit::kTime, "serving: time per token after the first, by request"},
      {"itl_s.*", Unit::kTime, "serving: between two tokens of a request"},
      {"e2e_s.*", Unit::kTime, "serving: from arrival to the last token"},
      {"requests_per_s", Unit::kCount, "serving: requests that ended, per second"},
      {"goodput_requests_per_s", Unit::kCount,
       "serving: requests per second that met their latency targets"},
      {"slo_attainment", Unit::kShare, "serving: requests that met their targets, of all"},
  };
  return all;
}

const MetricInfo* find_metric_info(const std::string& name) {
  for (const MetricInfo& metric : metric_catalog())
    if (matches(name, metric.name)) return &metric;
  return nullptr;
}

std::string shown_metric(double value, ComparedMetric::Unit unit) {
  switch (unit) {
    case Unit::kCount:
      return format_count(value);
    case Unit::kTime:
      return format_time(Seconds(value));
    case Unit::kBytes:
      return format_bytes(Bytes(value));
    case Unit::kShare:
      return format_percent(value);
    case Unit::kRatio:
      return format_number(value);
  }
  return {};
}

}  // namespace moesim
