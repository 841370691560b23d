// What `moesim sweep` prints: the best points, and what failed.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include "analysis/format.hpp"
#include "analysis/json.hpp"
#include "analysis/paint.hpp"
#include "analysis/sweep/sweep_metrics.hpp"
#include "analysis/sweep/sweep_ranking.hpp"
#include "analysis/text_table.hpp"
#include "sim/cli/command.hpp"
#include "sim/cli/sweep_commands.hpp"

namespace moesim {
namespace {

constexpr std::size_t kWidth = 100;
constexpr std::size_t kShownFailures = 5;

std::vector<SweepMean> best_points(const SweepTable& table, const ComparedMetric& metric, int top) {
  const std::vector<SweepMean> means = sweep_means(table);
  std::vector<SweepMean> best;
  for (const SweepMean* mean : ranked(means, metric))
    if (best.size() < static_cast<std::size_t>(top)) best.push_back(*mean);
  return best;
}

// The metric, then others of `moesim compare` in which the best points differ.
std::vector<const ComparedMetric*> shown_metrics(const std::vector<SweepMean>& best,
                                                 const ComparedMetric& metric) {
  std::vector<const ComparedMetric*> shown = {&metric};
  for (const ComparedMetric& other : compared_metrics()) {
    if (!other.in_table || other.name == metric.name) continue;
    const bool differs = std::any_of(best.begin(), best.end(), [&](const SweepMean& mean) {
      const double value = value_of(mean, other);
      return !std::isnan(value) && value != value_of(best.front(), other);
    });
    if (differs) shown.push_back(&other);
  }
  return shown;
}

// As many of the metrics as fit on a line.
std::string best_table(const SweepTable& table, const std::vector<SweepMean>& best,
                       const std::vector<const ComparedMetric*>& metrics, Screen screen) {
  std::vector<TextColumn> columns;
  for (const std::string& axis : table.axes) columns.push_back({axis});
  int drop = 0;  // the metric that decides stays
  for (const ComparedMetric* metric : metrics) columns.push_back({metric->title, true, drop++});
  TextTable text(columns);
  for (const SweepMean& mean : best) {
    std::vector<TextCell> cells;
    for (const std::string& value : mean.first->values)
      cells.emplace_back(value.empty() ? "–" : value);
    for (const ComparedMetric* metric : metrics) {
      const double value = value_of(mean, *metric);
      cells.emplace_back(std::isnan(value) ? "–" : metric->shown(value));
    }
    text.add(std::move(cells));
  }
  screen.columns = screen.columns.value_or(kWidth);
  return text.text(screen);
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

std::vector<const SweepRow*> failures(const SweepTable& table) {
  std::vector<const SweepRow*> failed;
  for (const SweepRow& row : table.rows)
    if (row.status == "failed") failed.push_back(&row);
  return failed;
}

std::string failures_text(const std::vector<const SweepRow*>& failed, const SweepTable& table) {
  if (failed.empty()) return "";
  std::string text = fmt::format("\n{} of {} runs failed:\n", failed.size(), table.rows.size());
  for (std::size_t i = 0; i < std::min(failed.size(), kShownFailures); ++i)
    text += wrap(fmt::format("  {}, seed {}: {}", failed[i]->name, failed[i]->seed,
                             first_line(failed[i]->error)),
                 kWidth, "    ") +
            "\n";
  if (failed.size() > kShownFailures)
    text += fmt::format("  and {} more: see status and error of moesim sweep export\n",
                        failed.size() - kShownFailures);
  return text;
}

std::set<std::uint64_t> seeds_of(const SweepTable& table) {
  std::set<std::uint64_t> seeds;
  for (const SweepRow& row : table.rows) seeds.insert(row.seed);
  return seeds;
}

std::string heading_of(const SweepTable& table, const Screen& screen) {
  const std::set<std::uint64_t> seeds = seeds_of(table);
  return fmt::format("{}: {} points of {}, {}", Paint(screen.colour)(Ink::kBold, table.name),
                     table.rows.empty() ? 0 : table.rows.back().point, table.scenario,
                     seeds.size() == 1 ? fmt::format("seed {}", *seeds.begin())
                                       : fmt::format("{} seeds", seeds.size()));
}

Json best_json(const SweepTable& table, const std::vector<SweepMean>& best) {
  Json list = Json::array();
  for (const SweepMean& mean : best) {
    Json values = Json::object(), metrics = Json::object();
    for (std::size_t i = 0; i < table.axes.size(); ++i)
      values[table.axes[i]] = mean.first->values[i];
    for (std::size_t i = 0; i < mean.metrics.size(); ++i)
      if (!std::isnan(mean.metrics[i])) metrics[sweep_metrics()[i]] = mean.metrics[i];
    list.push_back({{"point", mean.first->point},
                    {"name", mean.first->name},
                    {"values", values},
                    {"means", metrics}});
  }
  return list;
}

Json document_of(const SweepTable& table, const std::string& metric,
                 const std::vector<SweepMean>& best) {
  Json failed = Json::array();
  for (const SweepRow* row : failures(table))
    failed.push_back({{"point", row->point},
                      {"seed", row->seed},
                      {"name", row->name},
                      {"exit_code", row->exit_code},
                      {"error", row->error}});
  const auto done = std::count_if(table.rows.begin(), table.rows.end(),
                                  [](const SweepRow& row) { return row.status == "done"; });
  return {{"schema", "moesim.sweep/1"},
          {"name", table.name},
          {"scenario", table.scenario},
          {"axes", table.axes},
          {"seeds", seeds_of(table)},
          {"points", table.rows.empty() ? 0 : table.rows.back().point},
          {"runs", table.rows.size()},
          {"done", done},
          {"metric", metric},
          {"best", best_json(table, best)},
          {"failed", failed}};
}

}  // namespace

void check_sweep_metric(const std::string& name) {
  std::vector<std::string> known;
  for (const ComparedMetric& metric : compared_metrics())
    if (metric.better != Better::kNeither && sweep_metric_index(metric.name))
      known.push_back(metric.name);
  if (std::find(known.begin(), known.end(), name) == known.end())
    throw InputError({text_source("--metric", name, true), 1, 1},
                     "no metric of which less or more is better is called so",
                     hint_for(name, known));
}

SweepAnswer sweep_answer(const SweepTable& table, const SweepFlags& flags) {
  const ComparedMetric& metric = *find_metric(flags.metric);
  const std::vector<SweepMean> best = best_points(table, metric, flags.top);
  const std::vector<const SweepRow*> failed = failures(table);
  SweepAnswer answer;
  answer.json = write_json(document_of(table, metric.name, best));
  const Screen screen = flags.output.screen();
  answer.text = heading_of(table, screen) + "\n";
  if (!best.empty())
    answer.text += fmt::format("the best {} by {}\n\n{}", best.size(), metric.title,
                               best_table(table, best, shown_metrics(best, metric), screen));
  answer.text = screen.shown(answer.text + failures_text(failed, table));
  for (const SweepRow& row : table.rows)
    if (row.status != "done")
      answer.exit_code = std::max(answer.exit_code, row.exit_code == kExitBug ? kExitBug : kExitNo);
  return answer;
}

std::string sweep_preview(const SweepPlan& plan, const SweepFlags& flags) {
  std::set<std::string> finished;
  if (std::filesystem::exists(flags.results))
    for (const SweepRow& row : read_sweep(flags.results).rows)
      if (row.status != "missing") finished.insert(row.run);
  TextTable table({{"point", true}, {"seed", true}, {"run"}, {"keys"}});
  int ready = 0;
  for (const SweepAim& aim : plan.aims) {
    const bool known = finished.contains(aim.run);
    ready += known;
    table.add({std::to_string(aim.point), std::to_string(aim.seed),
               !aim.error.empty() ? "not valid"
               : known            ? "is there"
                                  : "to do",
               aim.name});
  }
  std::string text = table.text();
  for (const SweepAim& aim : plan.aims)
    if (!aim.error.empty() && aim.seed == plan.aims.front().seed)
      text += fmt::format("\npoint {}: {}\n", aim.point, aim.error);
  return text + fmt::format("\n{}: {} points of {}, {} runs, {} of them in {}\n", plan.heading.name,
                            plan.points.size(), plan.heading.scenario, plan.aims.size(), ready,
                            flags.results);
}

}  // namespace moesim
