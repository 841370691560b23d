#include "analysis/table_parts.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "analysis/format.hpp"
#include "analysis/phases.hpp"
#include "analysis/summary.hpp"
#include "sim/phase_times.hpp"

namespace moesim {
namespace {

// Columns of the longest bar, and of the time, its share and what is hidden.
constexpr std::size_t kBar = 40, kShortBar = 8, kFigures = 38;

using Parts = std::vector<std::string>;

Ink ink_of(Phase phase) {
  if (phase == Phase::kWait || phase == Phase::kLaunch) return Ink::kYellow;
  return communicates(phase) ? Ink::kCyan : Ink::kBlue;
}

// A share too small to matter does not fill the column with digits.
std::string share_text(double share) { return share < 1e-4 ? "< 0.01 %" : format_percent(share); }

// What a phase took beside kernels, where that is enough to matter.
std::string hidden_text(const Metrics& metrics, Phase phase) {
  const double hidden = seconds_of(metrics.communication.hidden, phase);
  if (hidden < 1e-4 * metrics.step_time.mean) return {};
  return fmt::format("  + {} hidden", format_time(Seconds(hidden)));
}

}  // namespace

std::string machine_text(const Scenario& scenario, const RunResult& result) {
  const YamlNode* cluster = scenario.resolved.find("cluster");
  const YamlNode* preset = cluster != nullptr ? cluster->find("preset") : nullptr;
  return fmt::format("{} × {} in {}{}", result.gpus, scenario.cluster->gpu().name,
                     count_text(result.nodes, "node"),
                     preset != nullptr ? fmt::format(" ({})", preset->text) : "");
}

std::string policy_text(const Scenario& scenario) {
  Parts parts = {"trace " + scenario.trace.kind};
  if (scenario.gate.kind != "as_recorded") parts.push_back("gate " + scenario.gate.kind);
  const Arguments& placement = scenario.placement.arguments;
  const int redundant = placement.has("redundant") ? placement.integer("redundant") : 0;
  std::string copies;
  if (redundant > 0) copies = fmt::format(" with {} redundant experts", redundant);
  parts.push_back("placement " + scenario.placement.kind + copies);
  if (redundant > 0) parts.push_back("replica " + scenario.replica.kind);
  if (scenario.capacity.kind != "none") {
    const Arguments& capacity = scenario.capacity.arguments;
    parts.push_back("capacity " + scenario.capacity.kind +
                    (capacity.has("factor") ? " " + format_number(capacity.number("factor")) : ""));
  }
  parts.push_back("exchange " + scenario.exchange.kind);
  if (scenario.overlap.kind != "none") parts.push_back("overlap " + scenario.overlap.kind);
  if (scenario.grid && scenario.grid->splits())
    parts.push_back(fmt::format("attention on {} GPUs, experts on {}",
                                scenario.grid->attention_gpus(), scenario.grid->parallel().ep));
  if (scenario.rebalance.kind != "none") parts.push_back("rebalance " + scenario.rebalance.kind);
  if (const std::string& kind = scenario.step_placement.kind; !kind.empty() && kind != "none")
    parts.push_back("step_placement " + kind);
  if (scenario.cache.kind != "none")
    parts.push_back("cache " + scenario.cache.kind + " · prefetch " + scenario.prefetch.kind);
  return joined(parts);
}

void add_breakdown(Lines& lines, const Metrics& metrics) {
  const std::size_t room = lines.screen().prose() - Lines::kLabel;
  const std::size_t width = std::clamp(room > kFigures ? room - kFigures : 0, kShortBar, kBar);
  const double longest = *std::max_element(metrics.breakdown.begin(), metrics.breakdown.end());
  if (!(longest > 0)) return;
  for (const Phase phase : reported_phases({&metrics.breakdown, 1})) {
    const double seconds = seconds_of(metrics.breakdown, phase);
    const std::string hidden = hidden_text(metrics, phase);
    if (!(seconds > 0) && hidden.empty()) continue;
    const std::string drawn =
        lines.screen().shown(bar(static_cast<double>(width) * seconds / longest));
    lines.row(to_string(phase), pad_right(lines.paint()(ink_of(phase), drawn), width) +
                                    pad_left(format_time(Seconds(seconds)), 10) +
                                    pad_left(share_text(seconds / metrics.step_time.mean), 9) +
                                    hidden);
  }
  lines.gap();
}

void add_footing(Lines& lines, const RunResult& result) {
  Parts parts = {"network " + result.fidelity};
  if (result.tolerance > 0) parts.back() += fmt::format(" (tolerance {})", result.tolerance);
  if (result.network_error)
    parts.back() += ", " + format_error(*result.network_error) + " off fluid on a sample";
  if (!result.calibrations.empty())
    parts.push_back(fmt::format("kernels {}", fmt::join(result.calibrations, ", ")));
  lines.add("computed with", joined(parts));
  const std::vector<std::string> warnings = all_warnings(result);
  if (!warnings.empty()) lines.gap();
  for (const std::string& warning : warnings)
    lines.plain(lines.paint()(Ink::kYellow, "warning:") + " " + warning, std::string(9, ' '));
}

}  // namespace moesim
