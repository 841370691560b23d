#include "analysis/csv.hpp"

#include <fmt/format.h>

#include "analysis/csv_row.hpp"
#include "analysis/offload_summary.hpp"
#include "analysis/phases.hpp"
#include "sim/base/csv.hpp"

namespace moesim {
namespace {

void add(CsvRow& row, const PhaseSeconds& breakdown, const std::vector<Phase>& phases) {
  for (const Phase phase : phases) row.add(seconds_of(breakdown, phase));
}

void name(CsvRow& row, const std::vector<Phase>& phases) {
  for (const Phase phase : phases) row.put(fmt::format("{}_s", to_string(phase)));
}

CsvRow& add_imbalance(CsvRow& row, const StepRecord& step) {
  const ImbalanceRecord& imbalance = step.imbalance;
  return row.add(imbalance.gpu_max_over_mean)
      .add(imbalance.expert_max_over_mean)
      .add(imbalance.gpu_cv)
      .add(imbalance.gpu_gini)
      .add(imbalance.balancedness_sglang)
      .add(step.vllm_max > 0 ? step.vllm_mean / step.vllm_max : 1.0);
}

constexpr const char* kEventColumns[] = {"live_gpus",         "moved_tokens", "lost_tokens",
                                         "redirected_routes", "lost_routes",  "events"};

// The kinds of the events of a step, with semicolons between them.
std::string events_in(const RunResult& result, int step) {
  std::string kinds;
  for (const EventRecord& event : result.events)
    if ((!event.first || step >= *event.first) && (!event.end || step < *event.end))
      kinds += (kinds.empty() ? "" : ";") + event.kind;
  return kinds;
}

}  // namespace

std::string steps_csv(const RunResult& result) {
  CsvRow header;
  const std::vector<Phase> phases = reported_phases(result);
  header.put("step").put("tokens").put("step_time_s");
  name(header, phases);
  for (const char* name :
       {"gpu_max_over_mean", "expert_max_over_mean", "gpu_cv", "gpu_gini", "balancedness_sglang",
        "balancedness_vllm", "routes", "dropped_routes", "dropped_tokens", "rows", "nvlink_bytes",
        "network_bytes", "migration_bytes", "communication_s", "hidden_communication_s"})
    header.put(name);
  if (result.offload)
    for (const std::string& name : offload_columns()) header.put(name);
  for (const char* name : kEventColumns)
    if (!result.events.empty()) header.put(name);
  std::string text = header.line();
  for (const StepRecord& step : result.steps) {
    CsvRow row;
    row.add(step.step).add(step.tokens).add(step.seconds);
    add(row, step.breakdown, phases);
    add_imbalance(row, step).add(step.routes).add(step.dropped_routes);
    step.dropped_tokens_known ? row.add(step.dropped_tokens) : row.put("");
    row.add(step.rows).add(step.nvlink_bytes).add(step.network_bytes).add(step.migration_bytes);
    row.add(step.communication.any_under_way).add(step.communication.any_hidden);
    if (result.offload)
      for (const double value : offload_row(step.offload)) row.add(value);
    if (!result.events.empty())
      row.add(step.live_gpus)
          .add(step.moved_tokens)
          .add(step.lost_tokens)
          .add(step.redirected_routes)
          .add(step.lost_routes)
          .put(events_in(result, step.step));
    text += row.line();
  }
  return text;
}

std::string gpus_csv(const RunResult& result) {
  CsvRow header;
  const std::vector<Phase> phases = reported_phases(result);
  header.put("gpu").put("node");
  name(header, phases);
  for (const char* name : {"routes_per_step", "busy", "memory_bytes"}) header.put(name);
  std::string text = header.line();
  for (const GpuRecord& gpu : result.gpu_records) {
    CsvRow row;
    row.add(gpu.gpu).add(gpu.node);
    add(row, gpu.breakdown, phases);
    text += row.add(gpu.routes).add(gpu.busy).add(gpu.memory_bytes).line();
  }
  return text;
}

std::string loads_csv(const RunResult& result) {
  std::string text = result.serving ? "pool," : "";
  text += "layer,gpu,expert,rows_per_step\n";
  const auto add = [&](const CsvRow& begin, const std::vector<ExpertLoadRecord>& loads) {
    for (const ExpertLoadRecord& load : loads)
      text += CsvRow(begin).add(load.layer).add(load.gpu).add(load.expert).add(load.rows).line();
  };
  add({}, result.expert_loads);
  for (const PoolSummary& pool : result.pools)
    add(CsvRow().put(csv_field(pool.name)), pool.expert_loads);
  return text;
}

std::string links_csv(const RunResult& result) {
  std::string text = result.serving ? "pool," : "";
  text += "name,class,from,to,bandwidth_bytes_per_s,bytes_per_step,use\n";
  const auto add = [&](const CsvRow& begin, const std::vector<LinkRecord>& links) {
    for (const LinkRecord& link : links) {
      CsvRow row = begin;
      row.put(link.name).put(to_string(link.kind)).put(link.from).put(link.to).add(link.bandwidth);
      link.can_fill ? row.add(link.bytes).add(link.use) : row.put("").put("");
      text += row.line();
    }
  };
  add({}, result.links.all);
  for (const PoolSummary& pool : result.pools) add(CsvRow().put(csv_field(pool.name)), pool.links);
  return text;
}

}  // namespace moesim
