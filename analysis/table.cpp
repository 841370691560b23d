#include "analysis/table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "analysis/event_summary.hpp"
#include "analysis/format.hpp"
#include "analysis/gate_metrics.hpp"
#include "analysis/lines.hpp"
#include "analysis/metrics.hpp"
#include "analysis/offload_summary.hpp"
#include "analysis/rebalance_summary.hpp"
#include "analysis/serving_summary.hpp"
#include "analysis/table_parts.hpp"
#include "analysis/uncertainty.hpp"

namespace moesim {
namespace {

using Parts = std::vector<std::string>;

void add_headline(Lines& lines, const Scenario& scenario, const RunResult& result) {
  const Workload& work = scenario.workload;
  lines.plain(lines.paint()(Ink::kBold, result.scenario));
  lines.plain(fmt::format("{} on {}", scenario.model.name, machine_text(scenario, result)));
  lines.plain(
      fmt::format("{} · {} tokens per GPU · {} · seed {}", work.phase_name(), work.tokens_per_gpu,
                  count_text(static_cast<std::int64_t>(result.steps.size()), "step"), result.seed));
  lines.plain(result.layers.empty() ? "a dense model: nothing is routed" : policy_text(scenario));
  lines.gap();
}

void add_speed(Lines& lines, const Metrics& metrics, const RunResult& result) {
  std::string rate = lines.paint()(Ink::kBold, format_count(metrics.tokens_per_s, "tokens/s"));
  if (const auto uncertainty = estimate_uncertainty(result, metrics)) {
    const Band band = uncertainty->rate(metrics.tokens_per_s);
    const std::string high =
        std::isfinite(band.high) ? "to " + format_count(band.high) : std::string("or more");
    rate += fmt::format(" ({} {}: kernels are ± {})", format_count(band.low), high,
                        format_percent(uncertainty->step_error));
  }
  lines.add("throughput",
            joined({rate, format_count(metrics.tokens_per_s_per_gpu, "tokens/s per GPU")}));
  const auto time = [](double seconds) { return format_time(Seconds(seconds)); };
  const StepTimes& times = metrics.step_time;
  lines.add("step time",
            joined({"mean " + lines.paint()(Ink::kBold, time(times.mean)), "p50 " + time(times.p50),
                    "p95 " + time(times.p95), "p99 " + time(times.p99), "max " + time(times.max)}));
  lines.gap();
}

void add_balance(Lines& lines, const Metrics& metrics, const RunResult& result) {
  const ImbalanceRecord& imbalance = metrics.imbalance;
  if (std::isfinite(imbalance.gpu_max_over_mean))
    lines.add("imbalance",
              fmt::format("busiest GPU {} × mean · busiest expert {} × mean · GPU load CV {}",
                          format_number(imbalance.gpu_max_over_mean),
                          format_number(imbalance.expert_max_over_mean),
                          format_number(imbalance.gpu_cv)));
  if (metrics.drop_rate > 0) {
    std::string drops = format_percent(metrics.drop_rate) + " of the routes";
    if (std::isfinite(metrics.token_drop_rate))
      drops += fmt::format(" · {} of the tokens of a layer lose all routes",
                           format_percent(metrics.token_drop_rate));
    lines.add("dropped", drops);
  }
  if (const double rerouted = gate_metrics(result).rerouted; rerouted > 0)
    lines.add("rerouted", format_percent(rerouted) + " of the routes, from full experts to others");
  if (metrics.padding_waste > 0)
    lines.add("padding", format_percent(metrics.padding_waste) + " of the rows experts compute");
}

void add_gate(Lines& lines, const RunResult& result) {
  const GateMetrics metrics = gate_metrics(result);
  if (!metrics.gated) return;
  Parts parts;
  if (std::isfinite(metrics.routes_changed))
    parts.push_back(format_percent(metrics.routes_changed) + " of the routes are not the trace's");
  parts.push_back(format_number(metrics.routes_per_token) + " experts per token");
  if (metrics.free_share > 0)
    parts.push_back(format_percent(metrics.free_share) + " of routes free");
  if (metrics.unrouted_tokens > 0)
    parts.push_back(format_percent(metrics.unrouted_tokens) + " of the tokens ask for no expert");
  parts.push_back("mean weight " + format_number(metrics.confidence));
  lines.add("gate", joined(parts));
}

// " (dispatch 12.0 %, combine 14.1 %)"
std::string phases_text(const LinkRecord& link) {
  if (link.phases.empty()) return {};
  Parts parts;
  for (const PhaseUse& use : link.phases)
    parts.push_back(fmt::format("{} {}", to_string(use.phase), format_percent(use.use)));
  return fmt::format(" ({})", fmt::join(parts, ", "));
}

Parts link_parts(const LinkClassRecord& all) {
  const LinkRecord& link = all.busiest;
  const std::string kind = shown_name(all.kind);
  const std::string bytes = format_bytes(Bytes(all.bytes)) + " per step";
  if (link.name.empty())
    return {fmt::format("{} {}", kind, bytes), "as wide as the NICs: never full"};
  Parts parts = {
      fmt::format("{} {} {}{}", kind, format_percent(link.use), link.name, phases_text(link)),
      "mean " + format_percent(all.use_mean)};
  if (all.kind == LinkKind::kSpine) parts.push_back(bytes);
  if (link.hash_loss > 0)
    parts.push_back(format_percent(link.hash_loss) + " lost to hash collisions");
  if (link.background > 0)
    parts.push_back(format_percent(link.background) + " taken by other traffic");
  return parts;
}

void add_links(Lines& lines, const LinkReport& report) {
  const char* title = "busiest links";
  for (const LinkClassRecord& all : report.classes) {
    if (!(all.bytes > 0)) continue;
    lines.add(title, joined(link_parts(all)));
    title = "";
  }
}

std::string travelling_line(const RunResult& result) {
  double experts = 0;
  for (const LayerRecord& layer : result.layers)
    experts += layer.travelling_experts / static_cast<double>(result.layers.size());
  const int most =
      *std::max_element(result.temporary_copies.begin(), result.temporary_copies.end());
  return fmt::format("of {} experts travel to a layer's tokens · up to {} on a GPU",
                     format_number(experts), most);
}

// Of attention and of experts, where they have GPUs of their own.
std::string use_by_part(const Scenario& scenario, const RunResult& result) {
  if (!scenario.grid || !scenario.grid->splits()) return {};
  double attention = 0, experts = 0;
  for (const GpuRecord& gpu : result.gpu_records)
    (scenario.grid->parallel().attends(GpuId(gpu.gpu)) ? attention : experts) += gpu.busy;
  return fmt::format(" (with attention {}, with experts {})",
                     format_percent(attention / scenario.grid->attention_gpus()),
                     format_percent(experts / scenario.grid->parallel().ep));
}

void add_use(Lines& lines, const Scenario& scenario, const Metrics& metrics,
             const RunResult& result) {
  const auto size = [](double bytes) { return format_bytes(Bytes(bytes)); };
  Parts bytes = {"NVLink " + size(metrics.nvlink_bytes), "network " + size(metrics.network_bytes)};
  if (metrics.migration_bytes > 0) bytes.push_back("migration " + size(metrics.migration_bytes));
  lines.add("bytes", joined(bytes) + " per step");
  add_links(lines, result.links);
  const char* title = "rebalance";
  for (const std::string& line : rebalance_lines(result.rebalances))
    lines.add(std::exchange(title, ""), line);
  if (!result.temporary_copies.empty()) lines.add("weights", travelling_line(result));
  title = "offload";
  for (const std::string& line : offload_lines(result)) lines.add(std::exchange(title, ""), line);
  title = "events";
  for (const std::string& line : event_lines(result)) lines.add(std::exchange(title, ""), line);
  lines.add("GPUs", fmt::format("{} of the time busy{} · MFU {} · memory up to {} of {}",
                                format_percent(result.gpu_use), use_by_part(scenario, result),
                                format_percent(result.mfu), size(metrics.memory_bytes_max),
                                format_bytes(scenario.cluster->gpu().memory)));
}

void add_hot_spots(Lines& lines, const Metrics& metrics, const RunResult& result) {
  constexpr std::size_t kShown = 3;
  for (std::size_t i = 0; i < std::min(kShown, result.hot.size()); ++i) {
    const HotSpot& spot = result.hot[i];
    lines.add(i == 0 ? "hottest" : "",
              fmt::format("MoE layer {}, GPU {}, expert {}: costs {} of each step ({})", spot.layer,
                          spot.gpu, spot.expert, format_time(Seconds(spot.seconds)),
                          format_percent(spot.seconds / metrics.step_time.mean)));
  }
}

}  // namespace

std::string run_table(const Scenario& scenario, const RunResult& result, const Screen& screen) {
  if (result.serving) return serving_run_table(scenario, result, screen);
  const Metrics metrics = compute_metrics(result);
  Lines lines{screen};
  add_headline(lines, scenario, result);
  add_speed(lines, metrics, result);
  add_breakdown(lines, metrics);
  add_gate(lines, result);
  add_balance(lines, metrics, result);
  add_use(lines, scenario, metrics, result);
  add_hot_spots(lines, metrics, result);
  add_footing(lines, result);
  return lines.text();
}

}  // namespace moesim
