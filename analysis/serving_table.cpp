#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "analysis/format.hpp"
#include "analysis/lines.hpp"
#include "analysis/serving_summary.hpp"
#include "analysis/text_table.hpp"

namespace moesim {
namespace {

using Parts = std::vector<std::string>;

constexpr std::size_t kColumn = 10, kPoolColumn = 8;  // of latencies, of what pools do

std::string time_of(double seconds) { return format_time(Seconds(seconds)); }

// Of a table whose labels stand below those of the lines; figures take `width` columns at least.
struct Figure {
  std::string title;
  int drop = 0;  // as of a TextColumn
};

TextTable figures_table(const std::string& label, const std::vector<Figure>& figures,
                        std::size_t width) {
  std::vector<TextColumn> columns = {{.title = label, .width = Lines::kLabel}};
  for (const Figure& figure : figures)
    columns.push_back({.title = figure.title, .right = true, .drop = figure.drop, .width = width});
  return TextTable(std::move(columns));
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
  TextTable table = figures_table(
      "latency", {{"mean"}, {"p50"}, {"p90", 3}, {"p95", 2}, {"p99"}, {"max", 1}}, kColumn);
  const auto row = [&](const char* label, const Distribution& latency) {
    table.add({label, time_of(latency.mean), time_of(latency.p50), time_of(latency.p90),
               time_of(latency.p95), time_of(latency.p99), time_of(latency.max)});
  };
  row("TTFT", all.ttft);
  row("TPOT", all.tpot);
  row("ITL", all.itl);
  row("end to end", all.e2e);
  row("queueing", all.queueing);
  if (all.kv_waiting.max > 0) row("KV waiting", all.kv_waiting);
  lines.append(table.text(lines.screen()));
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
  TextTable table = figures_table(
      "class",
      {{"requests"}, {"TTFT p50", 2}, {"TTFT p99"}, {"TPOT p50", 1}, {"TPOT p99"}, {"in SLO"}},
      kColumn);
  for (const ServiceMetrics& one : classes)
    table.add({one.name, format_count(static_cast<double>(one.requests)), time_of(one.ttft.p50),
               time_of(one.ttft.p99), time_of(one.tpot.p50), time_of(one.tpot.p99),
               format_percent(one.slo_attainment)});
  lines.append(table.text(lines.screen()));
}

std::string share(double value) { return value == 0 ? "0 %" : format_percent(value); }

// The means over time of each pool, and below them the most.
void add_pools(Lines& lines, const std::vector<PoolMetrics>& pools) {
  TextTable table = figures_table("pool",
                                  {{"steps", 3},
                                   {"step time"},
                                   {"step p99", 2},
                                   {"busy"},
                                   {"running", 1},
                                   {"waiting"},
                                   {"KV cache"},
                                   {"balance", 4}},
                                  kPoolColumn);
  Parts stalls;
  for (const PoolMetrics& pool : pools) {
    table.add({pool.name, format_count(static_cast<double>(pool.steps)),
               time_of(pool.step_time.mean), time_of(pool.step_time.p99), share(pool.busy),
               format_number(pool.running_mean), format_number(pool.waiting_mean),
               share(pool.kv_use_mean), format_number(pool.gpu_max_over_mean) + " ×"});
    table.add({"  at most", "", time_of(pool.step_time.max), "", "", format_count(pool.running_max),
               format_count(pool.waiting_max), share(pool.kv_use_max), ""});
    if (pool.stall > 0)
      stalls.push_back(time_of(pool.stall) + (pools.size() > 1 ? " in " + pool.name : ""));
  }
  lines.append(table.text(lines.screen()));
  if (!stalls.empty()) lines.add("stalled for", joined(stalls));
}

}  // namespace

std::string serving_table(const ServingMetrics& metrics, const ServiceTargets& targets,
                          const Screen& screen) {
  Lines lines{screen};
  add_rates(lines, metrics);
  add_latencies(lines, metrics.all);
  add_service(lines, metrics.all, targets);
  add_classes(lines, metrics.classes);
  lines.gap();
  add_pools(lines, metrics.pools);
  return lines.text();
}

}  // namespace moesim
