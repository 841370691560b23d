#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "analysis/format.hpp"
#include "analysis/lines.hpp"
#include "analysis/serving_summary.hpp"

namespace moesim {
namespace {

using Parts = std::vector<std::string>;

constexpr std::size_t kColumn = 12;  // of latencies

std::string time_of(double seconds) { return format_time(Seconds(seconds)); }

std::string columns(const Parts& cells, std::size_t width = kColumn) {
  std::string row;
  for (const std::string& cell : cells) row += pad_left(cell, width);
  return row;
}

std::string counted(double count, const char* noun) {
  return format_count(count) + " " + noun + (count == 1 ? "" : "s");
}

void add_rates(Lines& lines, const ServingMetrics& metrics) {
  const ServiceMetrics& all = metrics.all;
  Parts requests = {
      counted(static_cast<double>(all.requests), "request") + " in " + time_of(metrics.seconds),
      lines.paint()(Ink::kBold, format_count(all.requests_per_s, "requests/s"))};
  if (all.refused > 0)
    requests.push_back(format_count(static_cast<double>(all.refused)) + " refused");
  if (all.unfinished() > 0)
    requests.push_back(format_count(static_cast<double>(all.unfinished())) + " did not finish");
  requests.push_back(fmt::format("{} under way at once, up to {}",
                                 format_number(metrics.under_way_mean),
                                 format_count(metrics.under_way_max)));
  lines.add("requests", joined(requests));
  lines.add(
      "throughput",
      joined({lines.paint()(Ink::kBold, format_count(all.output_tokens_per_s, "tokens/s out")),
              format_count(metrics.output_tokens_per_s_per_gpu, "tokens/s out per GPU"),
              format_count(all.input_tokens_per_s, "tokens/s in")}));
  lines.gap();
}

void add_latencies(Lines& lines, const ServiceMetrics& all) {
  lines.row("latency", columns({"mean", "p50", "p90", "p95", "p99", "max"}));
  const auto row = [&](const char* label, const Distribution& latency) {
    lines.row(label, columns({time_of(latency.mean), time_of(latency.p50), time_of(latency.p90),
                              time_of(latency.p95), time_of(latency.p99), time_of(latency.max)}));
  };
  row("TTFT", all.ttft);
  row("TPOT", all.tpot);
  row("ITL", all.itl);
  row("end to end", all.e2e);
  row("queueing", all.queueing);
  if (all.kv_waiting.max > 0) row("KV waiting", all.kv_waiting);
  lines.gap();
}

std::string targets_text(const LatencyTargets& targets) {
  Parts parts;
  const auto add = [&](const char* name, Seconds target) {
    if (target.value > 0) parts.push_back(fmt::format("{} ≤ {}", name, format_time(target)));
  };
  add("TTFT", targets.ttft);
  add("TPOT", targets.tpot);
  add("end to end", targets.e2e);
  return parts.empty() ? "their targets" : fmt::format("{}", fmt::join(parts, ", "));
}

void add_service(Lines& lines, const ServiceMetrics& all, const ServiceTargets& targets) {
  if (std::isfinite(all.slo_attainment))
    lines.add("goodput",
              fmt::format("{} · {} of the requests meet {}{}",
                          lines.paint()(Ink::kBold, format_count(all.goodput, "requests/s")),
                          format_percent(all.slo_attainment), targets_text(targets.all),
                          targets.classes.empty() ? "" : ", or their class's"));
  if (all.prefix_hit_rate > 0)
    lines.add("prefix cache",
              format_percent(all.prefix_hit_rate) + " of the prompts' tokens were in it");
  Parts again;
  if (all.preemptions > 0)
    again.push_back(counted(static_cast<double>(all.preemptions), "preemption"));
  if (all.retries > 0)
    again.push_back(format_count(static_cast<double>(all.retries)) +
                    (all.retries == 1 ? " retry" : " retries"));
  if (!again.empty()) lines.add("served again", joined(again));
}

void add_classes(Lines& lines, const std::vector<ServiceMetrics>& classes) {
  if (classes.empty()) return;
  lines.gap();
  lines.row("class",
            columns({"requests", "TTFT p50", "TTFT p99", "TPOT p50", "TPOT p99", "in SLO"}));
  for (const ServiceMetrics& one : classes) {
    // A long name has a line of its own.
    const bool fits = display_width(one.name) < Lines::kLabel;
    if (!fits) lines.plain(one.name);
    lines.row(fits ? one.name : "",
              columns({format_count(static_cast<double>(one.requests)), time_of(one.ttft.p50),
                       time_of(one.ttft.p99), time_of(one.tpot.p50), time_of(one.tpot.p99),
                       format_percent(one.slo_attainment)}));
  }
}

std::string share(double value) { return value == 0 ? "0 %" : format_percent(value); }

// The means over time of each pool, and below them the most.
void add_pools(Lines& lines, const std::vector<PoolMetrics>& pools) {
  constexpr std::size_t kNarrow = 10;
  lines.row("pool", columns({"steps", "step time", "step p99", "busy", "running", "waiting",
                             "KV cache", "balance"},
                            kNarrow));
  Parts stalls;
  for (const PoolMetrics& pool : pools) {
    lines.row(pool.name,
              columns({format_count(static_cast<double>(pool.steps)), time_of(pool.step_time.mean),
                       time_of(pool.step_time.p99), share(pool.busy),
                       format_number(pool.running_mean), format_number(pool.waiting_mean),
                       share(pool.kv_use_mean), format_number(pool.gpu_max_over_mean) + " ×"},
                      kNarrow));
    lines.row("  at most",
              columns({"", time_of(pool.step_time.max), "", "", format_count(pool.running_max),
                       format_count(pool.waiting_max), share(pool.kv_use_max)},
                      kNarrow));
    if (pool.stall > 0)
      stalls.push_back(time_of(pool.stall) + (pools.size() > 1 ? " in " + pool.name : ""));
  }
  if (!stalls.empty()) lines.add("stalled for", joined(stalls));
}

}  // namespace

std::string serving_table(const ServingMetrics& metrics, const ServiceTargets& targets,
                          bool colour) {
  Lines lines{Paint(colour)};
  add_rates(lines, metrics);
  add_latencies(lines, metrics.all);
  add_service(lines, metrics.all, targets);
  add_classes(lines, metrics.classes);
  lines.gap();
  add_pools(lines, metrics.pools);
  return lines.text();
}

}  // namespace moesim
