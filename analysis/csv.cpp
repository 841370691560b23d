#include "analysis/csv.hpp"

#include <fmt/format.h>

#include <cmath>

#include "analysis/offload_summary.hpp"
#include "analysis/phases.hpp"

namespace moesim {
namespace {

// One line, field by field.
class Row {
 public:
  Row& add(double value) { return put(std::isfinite(value) ? fmt::format("{}", value) : ""); }
  Row& add(std::int64_t value) { return put(fmt::format("{}", value)); }
  Row& add(int value) { return put(fmt::format("{}", value)); }
  Row& put(std::string_view field) {
    text_ += text_.empty() ? "" : ",";
    text_ += field;
    return *this;
  }
  Row& add(const PhaseSeconds& breakdown, const std::vector<Phase>& phases) {
    for (const Phase phase : phases) add(seconds_of(breakdown, phase));
    return *this;
  }
  Row& name(const std::vector<Phase>& phases) {
    for (const Phase phase : phases) put(fmt::format("{}_s", to_string(phase)));
    return *this;
  }
  std::string line() const { return text_ + "\n"; }

 private:
  std::string text_;
};

Row& add_imbalance(Row& row, const StepRecord& step) {
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
  Row header;
  const std::vector<Phase> phases = reported_phases(result);
  header.put("step").put("tokens").put("step_time_s").name(phases);
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
    Row row;
    row.add(step.step).add(step.tokens).add(step.seconds).add(step.breakdown, phases);
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
  Row header;
  const std::vector<Phase> phases = reported_phases(result);
  header.put("gpu").put("node").name(phases);
  for (const char* name : {"routes_per_step", "busy", "memory_bytes"}) header.put(name);
  std::string text = header.line();
  for (const GpuRecord& gpu : result.gpu_records) {
    Row row;
    row.add(gpu.gpu).add(gpu.node).add(gpu.breakdown, phases);
    text += row.add(gpu.routes).add(gpu.busy).add(gpu.memory_bytes).line();
  }
  return text;
}

}  // namespace moesim
