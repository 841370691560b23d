#include "analysis/report/sweep_report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "analysis/format.hpp"
#include "analysis/report/compare_charts.hpp"
#include "analysis/report/parts.hpp"
#include "analysis/report/provenance.hpp"
#include "analysis/sweep/database.hpp"
#include "analysis/sweep/sweep_ranking.hpp"
#include "sim/base/text.hpp"

namespace moesim {
namespace {

struct Sweep {
  SweepTable table;
  std::vector<SweepMean> means;  // point by point; they look into `table`
  const ComparedMetric* metric = nullptr;
};

// What differs among the points, the chosen metric first.
std::vector<const ComparedMetric*> shown_metrics(const Sweep& sweep) {
  std::vector<const ComparedMetric*> shown = {sweep.metric};
  for (const ComparedMetric& metric : compared_metrics()) {
    std::set<double> values;
    for (const SweepMean& mean : sweep.means)
      if (const double value = value_of(mean, metric); !std::isnan(value)) values.insert(value);
    if (values.size() > 1 && metric.name != sweep.metric->name) shown.push_back(&metric);
  }
  return shown;
}

Json best_bars(const Sweep& sweep) {
  constexpr std::size_t kMost = 20;
  std::vector<const SweepMean*> best = ranked(sweep.means, *sweep.metric);
  const bool all = best.size() <= kMost;
  if (!all) best.resize(kMost);
  std::vector<std::string> names;
  std::vector<double> values;
  for (const SweepMean* mean : best) {
    names.push_back(mean->first->name);
    values.push_back(value_of(*mean, *sweep.metric));
  }
  Json part = bars_part(
      fmt::format("{} of {}", sweep.metric->title,
                  all ? "every point, the best first" : "the best points"),
      "Means over seeds.",
      {.unit = unit_of(*sweep.metric), .value = sweep.metric->title, .horizontal = true}, names);
  part["series"].push_back(bar_series(sweep.metric->title, values));
  return part;
}

// A point may leave a key to the scenario.
std::string value_on(const SweepMean& mean, std::size_t axis) {
  const std::string& value = mean.first->values[axis];
  return value.empty() ? "as in the scenario" : value;
}

// Of an axis, in the order of the points.
std::vector<std::string> values_of(const Sweep& sweep, std::size_t axis) {
  std::vector<std::string> values;
  for (const SweepMean& mean : sweep.means) {
    const std::string value = value_on(mean, axis);
    if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
  }
  return values;
}

// The values of the other axes, "placement eplb, seed 3".
std::string others(const Sweep& sweep, const SweepMean& mean, const std::set<std::size_t>& axes) {
  std::string text;
  for (std::size_t i = 0; i < sweep.table.axes.size(); ++i)
    if (!axes.contains(i) && !mean.first->values[i].empty())
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", sweep.table.axes[i],
                          mean.first->values[i]);
  return text;
}

// The metric along an axis of numbers, a line for each choice of the other axes; none where there
// would be too many to tell apart.
Json axis_lines(const Sweep& sweep, std::size_t axis) {
  constexpr std::size_t kMostLines = 8;
  Json part =
      chart_part("lines", fmt::format("{} along {}", sweep.metric->title, sweep.table.axes[axis]));
  part["x"] = moesim::axis(sweep.table.axes[axis], "");
  part["y"] = moesim::axis(sweep.metric->title, unit_of(*sweep.metric));
  std::vector<std::pair<std::string, std::vector<std::pair<double, double>>>> lines;
  for (const SweepMean& mean : sweep.means) {
    if (mean.first->values[axis].empty()) continue;
    const std::optional<double> x = number_in(mean.first->values[axis]);
    if (!x) return nullptr;
    const std::string name = others(sweep, mean, {axis});
    auto found = std::find_if(lines.begin(), lines.end(),
                              [&](const auto& line) { return line.first == name; });
    if (found == lines.end()) found = lines.insert(lines.end(), {name, {}});
    found->second.emplace_back(*x, value_of(mean, *sweep.metric));
  }
  if (lines.empty() || lines.size() > kMostLines) return nullptr;
  part["series"] = Json::array();
  for (auto& [name, points] : lines) {
    std::sort(points.begin(), points.end());
    std::vector<double> x, y;
    for (const auto& [at, value] : points) {
      x.push_back(at);
      y.push_back(value);
    }
    part["series"].push_back(series(name.empty() ? sweep.metric->title : name, x, y));
  }
  return part;
}

// The metric over two axes; the slider goes through the others.
Json axis_map(const Sweep& sweep) {
  const std::vector<std::string> x = values_of(sweep, 0), y = values_of(sweep, 1);
  Json part = chart_part("heat_map",
                         fmt::format("{} over {} and {}", sweep.metric->title, sweep.table.axes[0],
                                     sweep.table.axes[1]),
                         "Means over seeds; a blank: no result.");
  part["x"] = {{"title", sweep.table.axes[0]}, {"labels", x}};
  part["y"] = {{"title", sweep.table.axes[1]}, {"labels", y}};
  part["unit"] = unit_of(*sweep.metric);
  part["slider"] = "other keys";
  part["frames"] = Json::array();
  for (const SweepMean& mean : sweep.means) {
    const std::string label = others(sweep, mean, {0, 1});
    auto frame = std::find_if(part["frames"].begin(), part["frames"].end(),
                              [&](const Json& own) { return own.at("label") == label; });
    if (frame == part["frames"].end()) {
      part["frames"].push_back({{"label", label}, {"cells", Json::array()}});
      frame = std::prev(part["frames"].end());
    }
    const double value = value_of(mean, *sweep.metric);
    if (std::isnan(value)) continue;
    const auto place = [](const std::vector<std::string>& list, const std::string& text) {
      return std::find(list.begin(), list.end(), text) - list.begin();
    };
    (*frame)["cells"].push_back({place(x, value_on(mean, 0)), place(y, value_on(mean, 1)), value});
  }
  return part;
}

Json results_table(const Sweep& sweep) {
  const std::vector<const ComparedMetric*> shown = shown_metrics(sweep);
  std::vector<Column> columns = {{"point", ""}};
  for (const std::string& axis : sweep.table.axes) columns.push_back({axis});
  for (const ComparedMetric* metric : shown) columns.push_back({metric->title, unit_of(*metric)});
  Json part = table_part("Every point: means over seeds", columns);
  for (const SweepMean& mean : sweep.means) {
    Json row = Json::array({mean.first->point});
    for (const std::string& value : mean.first->values) row.push_back(value);
    for (const ComparedMetric* metric : shown)
      row.push_back(number_or_null(value_of(mean, *metric)));
    part["rows"].push_back(row);
  }
  return part;
}

Json failed_table(const Sweep& sweep) {
  Json part = table_part("Runs without a result",
                         {{"point", ""}, {"seed", ""}, {"keys"}, {"status"}, {"why"}});
  for (const SweepRow& row : sweep.table.rows)
    if (row.status != "done")
      part["rows"].push_back(
          {row.point, row.seed, row.name, row.status, row.error.substr(0, row.error.find('\n'))});
  return part;
}

Json sections_of(const Sweep& sweep) {
  Json charts = Json::array({best_bars(sweep)});
  for (std::size_t axis = 0; axis < sweep.table.axes.size(); ++axis)
    if (Json part = values_of(sweep, axis).size() > 2 ? axis_lines(sweep, axis) : Json();
        part.is_object())
      charts.push_back(std::move(part));
  if (sweep.table.axes.size() >= 2) charts.push_back(axis_map(sweep));
  Json tables = Json::array({results_table(sweep)});
  if (Json failed = failed_table(sweep); !failed["rows"].empty()) tables.push_back(failed);
  return Json::array({section("What the keys do", "", charts), section("Points", "", tables)});
}

std::string answer_of(const Sweep& sweep) {
  const std::vector<const SweepMean*> points = ranked(sweep.means, *sweep.metric);
  if (points.empty()) return "No run of this sweep has a result yet.";
  const double best = value_of(*points.front(), *sweep.metric);
  const double worst = value_of(*points.back(), *sweep.metric);
  std::string text =
      fmt::format("Of {} points, {} is the best in {}: {}", sweep.means.size(),
                  points.front()->first->name, sweep.metric->title, sweep.metric->shown(best));
  if (points.size() > 1 && worst != 0)
    text += fmt::format(", {} × that of {}, the worst", format_number(best / worst),
                        points.back()->first->name);
  return text + ".";
}

// What the runs say of themselves, from the file.
void add_runs(const std::filesystem::path& path, Json& report) {
  const Database database(path, Database::Open::kExisting);
  Statement query = database.prepare(
      "SELECT scenario, details FROM runs WHERE status = 'done' AND run IN (SELECT run FROM "
      "points) ORDER BY run");
  std::vector<Json> scenarios;
  Json warnings = Json::array();
  std::set<std::string> seen;
  while (query.step()) {
    scenarios.push_back(Json::parse(query.text(0)));
    const Json details = Json::parse(query.text(1));
    for (const Json& warning : details.at("warnings"))
      if (seen.insert(without_figures(warning.get<std::string>())).second)
        warnings.push_back(warning);
    if (scenarios.size() > 1) continue;
    report["subject"] = subject_of(scenarios.front());
    report["provenance"] = provenance_of(details);
    report["kernels"] = kernels_part(details);
  }
  for (const Json& own : common_assumptions(scenarios)) report["assumptions"].push_back(own);
  report["warnings"] = warnings;
}

Json figures_of(const Sweep& sweep) {
  const std::vector<const SweepMean*> points = ranked(sweep.means, *sweep.metric);
  const auto done = std::count_if(sweep.table.rows.begin(), sweep.table.rows.end(),
                                  [](const SweepRow& row) { return row.status == "done"; });
  const auto count = [](const char* title, std::size_t value) {
    return Json{{"title", title}, {"value", value}, {"unit", ""}, {"key", title}};
  };
  Json figures = Json::array({count("points", sweep.means.size()),
                              count("runs with a result", static_cast<std::size_t>(done)),
                              count("runs", sweep.table.rows.size())});
  if (points.empty()) return figures;
  const Json best = {{"title", sweep.metric->title},
                     {"value", value_of(*points.front(), *sweep.metric)},
                     {"unit", unit_of(*sweep.metric)},
                     {"key", sweep.metric->name},
                     {"note", points.front()->first->name}};
  figures.insert(figures.begin(), best);
  return figures;
}

}  // namespace

Json sweep_report(const std::filesystem::path& path) {
  Sweep sweep{.table = read_sweep(path), .metric = find_metric(CompareOptions{}.metric)};
  sweep.means = sweep_means(sweep.table);
  Json assumptions = Json::array({named_text("scenario", sweep.table.scenario)});
  for (std::size_t axis = 0; axis < sweep.table.axes.size(); ++axis)
    assumptions.push_back(named_text(sweep.table.axes[axis],
                                     fmt::format("{}", fmt::join(values_of(sweep, axis), ", "))));
  Json report = {{"schema", "moesim.report/1"},
                 {"kind", "sweep"},
                 {"title", sweep.table.name},
                 {"subject", sweep.table.scenario},
                 {"answer", answer_of(sweep)},
                 {"question", fmt::format("What do {} do to {}?", fmt::join(sweep.table.axes, ", "),
                                          sweep.metric->title)},
                 {"assumptions", assumptions},
                 {"figures", figures_of(sweep)},
                 {"sections", sections_of(sweep)}};
  if (!sweep.table.command.empty()) report["command"] = sweep.table.command;
  add_runs(path, report);
  return report;
}

}  // namespace moesim
