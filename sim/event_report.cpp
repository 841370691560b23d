#include "sim/event_report.hpp"

#include <algorithm>
#include <functional>

namespace moesim {
namespace {

std::optional<double> rate_of(const RunResult& result, const std::function<bool(int)>& is_in) {
  double tokens = 0, seconds = 0;
  for (const StepRecord& step : result.steps) {
    if (!is_in(step.step)) continue;
    tokens += static_cast<double>(step.tokens);
    seconds += step.seconds;
    for (const RecoveryRecord& recovery : result.recoveries)
      if (recovery.step == step.step) seconds -= recovery.stall_s;
  }
  return seconds > 0 ? std::optional(result.output_per_token * tokens / seconds) : std::nullopt;
}

}  // namespace

void report_events(const std::function<const EventTimeline&(int shown_step)>& timeline_at,
                   std::vector<RecoveryRecord> recoveries, RunResult& result) {
  result.recoveries = std::move(recoveries);
  for (StepRecord& step : result.steps)
    for (const RecoveryRecord& recovery : result.recoveries)
      if (recovery.step == step.step)
        step.migration_bytes += recovery.nvlink_bytes + recovery.network_bytes;
  const EventTimeline& first = timeline_at(0);
  std::vector<int> masked(first.events().size());
  for (const StepRecord& step : result.steps) {
    const std::vector<int> now = timeline_at(step.step).masked_by_event(step.step);
    for (std::size_t i = 0; i < masked.size(); ++i)
      if (first.events()[i]->steps().contains(step.step)) masked[i] = std::max(masked[i], now[i]);
  }
  for (std::size_t i = 0; i < first.events().size(); ++i) {
    const Event& event = *first.events()[i];
    const StepRange range = event.steps();
    EventRecord record{
        .kind = first.kind_of(i), .text = event.text(), .first = range.first, .end = range.end};
    record.masked_experts = masked[i];
    record.before = rate_of(result, [&](int step) { return range.first && step < *range.first; });
    record.during = rate_of(result, [&](int step) { return range.contains(step); });
    record.after = rate_of(result, [&](int step) { return range.end && step >= *range.end; });
    result.events.push_back(std::move(record));
  }
}

}  // namespace moesim
