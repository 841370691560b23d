#include "analysis/event_summary.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "analysis/format.hpp"

namespace moesim {
namespace {

struct Sums {
  std::int64_t lost_tokens = 0, moved_tokens = 0, lost_routes = 0, redirected_routes = 0;
};

Sums sums_of(const RunResult& result) {
  Sums sums;
  for (const StepRecord& step : result.steps) {
    sums.lost_tokens += step.lost_tokens;
    sums.moved_tokens += step.moved_tokens;
    sums.lost_routes += step.lost_routes;
    sums.redirected_routes += step.redirected_routes;
  }
  return sums;
}

Json optional_json(const auto& value) { return value ? Json(*value) : Json(nullptr); }

Json event_json(const EventRecord& event) {
  return {{"kind", event.kind},
          {"text", event.text},
          {"from", optional_json(event.first)},
          {"until", optional_json(event.end)},
          {"masked_experts", event.masked_experts},
          {"tokens_per_s",
           {{"before", optional_json(event.before)},
            {"during", optional_json(event.during)},
            {"after", optional_json(event.after)}}}};
}

Json recovery_json(const RecoveryRecord& recovery) {
  return {{"before_step", recovery.step},
          {"live_gpus", recovery.live_gpus},
          {"pause_s", number_or_null(recovery.pause_s)},
          {"stall_s", number_or_null(recovery.stall_s)},
          {"bytes",
           {{"local", number_or_null(recovery.local_bytes)},
            {"nvlink", number_or_null(recovery.nvlink_bytes)},
            {"network", number_or_null(recovery.network_bytes)},
            {"loaded", number_or_null(recovery.loaded_bytes)}}}};
}

std::string steps_text(const EventRecord& event) {
  if (!event.first && !event.end) return "all steps";
  if (!event.end) return fmt::format("from step {}", *event.first);
  if (!event.first) return fmt::format("until step {}", *event.end);
  if (*event.end == *event.first + 1) return fmt::format("step {}", *event.first);
  return fmt::format("steps {} to {}", *event.first, *event.end - 1);
}

std::string event_line(const EventRecord& event) {
  std::vector<std::string> rates;
  for (const auto& [name, rate] :
       {std::pair("before", event.before), std::pair("during", event.during),
        std::pair("after", event.after)})
    if (rate) rates.push_back(fmt::format("{} {}", format_count(*rate, "tokens/s"), name));
  std::string text = fmt::format("{}: {}", steps_text(event), event.text);
  if (event.masked_experts > 0) text += fmt::format(" ({} in all layers)", event.masked_experts);
  return fmt::format("{} · {}", text, fmt::join(rates, ", "));
}

std::string recovery_line(const RecoveryRecord& recovery) {
  std::vector<std::string> sizes;
  for (const auto& [name, bytes] : {std::pair("over NVLink", recovery.nvlink_bytes),
                                    std::pair("over the network", recovery.network_bytes),
                                    std::pair("loaded", recovery.loaded_bytes)})
    if (bytes > 0) sizes.push_back(fmt::format("{} {}", format_bytes(Bytes(bytes)), name));
  std::string text = fmt::format("step {}: {} GPUs live · everybody stops for {}", recovery.step,
                                 recovery.live_gpus, format_time(Seconds(recovery.stall_s)));
  return sizes.empty() ? text : fmt::format("{} · {}", text, fmt::join(sizes, ", "));
}

}  // namespace

Json events_json(const RunResult& result) {
  const Sums sums = sums_of(result);
  Json list = Json::array(), recoveries = Json::array();
  for (const EventRecord& event : result.events) list.push_back(event_json(event));
  for (const RecoveryRecord& recovery : result.recoveries)
    recoveries.push_back(recovery_json(recovery));
  return {{"list", list},
          {"recoveries", recoveries},
          {"lost_tokens", sums.lost_tokens},
          {"redistributed_tokens", sums.moved_tokens},
          {"redirected_routes", sums.redirected_routes},
          {"lost_routes", sums.lost_routes}};
}

std::vector<std::string> event_lines(const RunResult& result) {
  std::vector<std::string> lines;
  for (const EventRecord& event : result.events) lines.push_back(event_line(event));
  for (const RecoveryRecord& recovery : result.recoveries)
    if (recovery.step >= 0) lines.push_back(recovery_line(recovery));
  const Sums sums = sums_of(result);
  std::vector<std::string> parts;
  const auto add = [&](std::int64_t count, const char* text) {
    if (count > 0) parts.push_back(format_count(static_cast<double>(count), text));
  };
  add(sums.moved_tokens, "tokens taken over by live GPUs");
  add(sums.lost_tokens, "tokens lost");
  add(sums.redirected_routes, "routes to other experts");
  add(sums.lost_routes, "routes lost");
  if (!parts.empty()) lines.push_back(fmt::format("{}", fmt::join(parts, " · ")));
  return lines;
}

}  // namespace moesim
