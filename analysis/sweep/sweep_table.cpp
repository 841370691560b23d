#include "analysis/sweep/sweep_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/csv_row.hpp"
#include "analysis/json.hpp"
#include "analysis/sweep/sweep_metrics.hpp"
#include "analysis/sweep/sweep_sql.hpp"
#include "sim/base/csv.hpp"

namespace moesim {
namespace {

// As it is written in a sweep's file.
std::string value_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_structured()) return value.dump();
  std::string text;
  for (const auto& [key, part] : value.items())
    text += (text.empty() ? "" : ", ") + (value.is_object() ? key + ": " : "") + value_text(part);
  return value.is_object() ? "{" + text + "}" : "[" + text + "]";
}

void check_is_sweep(const Database& database) {
  Statement tables = database.prepare(
      "SELECT count(*) FROM sqlite_master WHERE name IN ('sweep', 'points', 'runs')");
  tables.step();
  if (tables.integer(0) != 3 || sweep_entry(database, "name").empty())
    throw InputError({text_source(database.path().string(), ""), 0, 0},
                     "holds no results of a sweep", "name a file that moesim sweep has written");
}

// Metrics of the file; those it does not have are null.
std::string metric_columns(const Database& database) {
  const std::set<std::string> there = run_columns_of(database);
  std::string text;
  for (const std::string& metric : sweep_metrics())
    text += there.contains(metric) ? ", runs." + sql_name(metric) : ", NULL";
  return text;
}

SweepRow row_of(const Statement& query, const std::vector<std::string>& axes) {
  SweepRow row{.point = static_cast<int>(query.integer(0)),
               .seed = static_cast<std::uint64_t>(query.integer(1)),
               .name = query.text(2),
               .status = query.text(4),
               .error = query.text(5),
               .exit_code = static_cast<int>(query.integer(6)),
               .run = query.text(7),
               .input_digest = query.text(8),
               .moesim = query.text(9)};
  const Json parameters = Json::parse(query.text(3));
  for (const std::string& axis : axes) {
    const auto found = parameters.find(axis);
    row.values.push_back(found == parameters.end() ? "" : value_text(*found));
  }
  for (std::size_t i = 0; i < sweep_metrics().size(); ++i)
    row.metrics.push_back(query.number(10 + static_cast<int>(i)));
  return row;
}

}  // namespace

SweepTable read_sweep(const std::filesystem::path& path) {
  const Database database(path, Database::Open::kExisting);
  check_is_sweep(database);
  SweepTable table{.name = sweep_entry(database, "name"),
                   .scenario = sweep_entry(database, "scenario"),
                   .command = sweep_entry(database, "command")};
  for (const Json& axis : Json::parse(sweep_entry(database, "axes")))
    table.axes.push_back(axis.get<std::string>());
  Statement query = database.prepare(fmt::format(
      "SELECT point, points.seed, name, parameters, {}, {}, {}, run, input_digest, moesim{} "
      "FROM {} ORDER BY point, points.seed",
      kPointStatus, kPointError, kPointExitCode, metric_columns(database), kPointsWithRuns));
  while (query.step()) table.rows.push_back(row_of(query, table.axes));
  return table;
}

std::string sweep_csv(const SweepTable& table) {
  const std::vector<std::string>& names = sweep_metrics();
  std::vector<std::size_t> shown;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (std::any_of(table.rows.begin(), table.rows.end(),
                    [&](const SweepRow& row) { return !std::isnan(row.metrics[i]); }))
      shown.push_back(i);
  CsvRow header;
  header.put("point").put("seed");
  for (const std::string& axis : table.axes) header.put(csv_field(axis));
  header.put("status");
  for (const std::size_t i : shown) header.put(csv_field(names[i]));
  for (const char* last : {"exit_code", "error", "input_digest", "moesim"}) header.put(last);
  std::string text = header.line();
  for (const SweepRow& row : table.rows) {
    CsvRow line;
    line.add(row.point).add(static_cast<std::int64_t>(row.seed));
    for (const std::string& value : row.values) line.put(csv_field(value));
    line.put(row.status);
    for (const std::size_t i : shown) line.add(row.metrics[i]);
    row.status == "missing" ? line.put("") : line.add(row.exit_code);
    text += line.put(csv_field(row.error)).put(row.input_digest).put(row.moesim).line();
  }
  return text;
}

std::vector<SweepMean> sweep_means(const SweepTable& table) {
  std::vector<SweepMean> means;
  for (const SweepRow& row : table.rows) {
    if (means.empty() || means.back().first->point != row.point)
      means.push_back({.first = &row, .metrics = std::vector<double>(sweep_metrics().size(), 0.0)});
    if (row.status != "done") continue;
    SweepMean& mean = means.back();
    ++mean.runs;
    for (std::size_t i = 0; i < mean.metrics.size(); ++i)
      mean.metrics[i] += (row.metrics[i] - mean.metrics[i]) / mean.runs;
  }
  for (SweepMean& mean : means)
    if (mean.runs == 0) std::fill(mean.metrics.begin(), mean.metrics.end(), std::nan(""));
  return means;
}

}  // namespace moesim
