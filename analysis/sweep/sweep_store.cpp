#include "analysis/sweep/sweep_store.hpp"

#include <fmt/format.h>

#include "analysis/json.hpp"
#include "analysis/sweep/sweep_metrics.hpp"
#include "analysis/sweep/sweep_sql.hpp"

namespace moesim {
namespace {

constexpr const char* kSchema = "moesim.sweep/1";
constexpr int kPlainColumns = 10;  // of `runs`, before the metrics

std::string text_literal(const std::string& words) {
  std::string text = "'";
  for (const char c : words) text += c == '\'' ? "''" : std::string(1, c);
  return text + "'";
}

// Of `runs`, in their order.
std::string run_columns() {
  std::string columns =
      "run, seed, status, exit_code, error, moesim, program, input_digest, scenario, details";
  for (const std::string& metric : sweep_metrics()) columns += ", " + sql_name(metric);
  return columns;
}

void create_tables(const Database& database) {
  std::string metrics;
  for (const std::string& metric : sweep_metrics()) metrics += ", " + sql_name(metric) + " REAL";
  database.run(
      "CREATE TABLE IF NOT EXISTS sweep (key TEXT PRIMARY KEY, value TEXT NOT NULL);"
      "CREATE TABLE IF NOT EXISTS points (point INTEGER, seed INTEGER, name TEXT NOT NULL,"
      " parameters TEXT NOT NULL, run TEXT, error TEXT, PRIMARY KEY (point, seed));"
      "CREATE TABLE IF NOT EXISTS runs (run TEXT PRIMARY KEY, seed INTEGER, status TEXT NOT NULL,"
      " exit_code INTEGER NOT NULL, error TEXT, moesim TEXT NOT NULL, program TEXT NOT NULL,"
      " input_digest TEXT NOT NULL, scenario TEXT, details TEXT" +
      metrics + ")");
}

// Metrics that an older moesim did not know.
void add_missing_columns(const Database& database) {
  const std::set<std::string> there = run_columns_of(database);
  for (const std::string& metric : sweep_metrics())
    if (!there.contains(metric))
      database.run("ALTER TABLE runs ADD COLUMN " + sql_name(metric) + " REAL");
}

bool has_table(const Database& database, const char* schema, const char* name) {
  Statement query = database.prepare(
      fmt::format("SELECT 1 FROM {}.sqlite_master WHERE type = 'table' AND name = ?", schema));
  return query.bind(1, std::string(name)).step();
}

// The swept keys as columns of a view on `points`.
std::string key_columns(const SweepHeading& heading) {
  std::string columns;
  for (const std::string& axis : heading.axes)
    columns += fmt::format(", json_extract(points.parameters, {}) AS {}",
                           text_literal("$." + sql_name(axis)), sql_name(axis));
  return columns;
}

std::string metric_columns(const std::vector<std::string>& metrics) {
  std::string columns;
  for (const std::string& metric : metrics) columns += ", runs." + sql_name(metric);
  return columns;
}

void replace_view(const Database& database, const std::string& name, const std::string& columns,
                  const std::string& from) {
  database.run(fmt::format("DROP VIEW IF EXISTS {0}; CREATE VIEW {0} AS SELECT {1} FROM {2}",
                           sql_name(name), columns, from));
}

}  // namespace

SweepStore::SweepStore(const std::filesystem::path& path)
    : database_(path, Database::Open::kCreate) {
  Statement tables = database_.prepare("SELECT count(*) FROM sqlite_master");
  tables.step();
  if (tables.integer(0) > 0 && !has_table(database_, "main", "sweep"))
    throw InputError({text_source(path.string(), ""), 0, 0},
                     "is an SQLite file, but not of a sweep", "name another file");
  tables.reset();
  Transaction transaction(database_);
  create_tables(database_);
  add_missing_columns(database_);
  transaction.commit();
}

void SweepStore::set_aims(const SweepHeading& heading, const std::vector<SweepAim>& aims) {
  const std::string before = sweep_entry(database_, "name");
  if (!before.empty() && before != heading.name)
    throw InputError({text_source(database_.path().string(), ""), 0, 0},
                     fmt::format("holds the sweep '{}', not '{}'", before, heading.name),
                     "name another file");
  Transaction transaction(database_);
  Statement set = database_.prepare("INSERT OR REPLACE INTO sweep VALUES (?, ?)");
  const auto note = [&](const std::string& key, const std::string& value) {
    set.bind(1, key).bind(2, value).step();
    set.reset();
  };
  note("schema", kSchema);
  note("name", heading.name);
  note("scenario", heading.scenario);
  note("axes", Json(heading.axes).dump());
  note("command", heading.command);
  database_.run("DELETE FROM points");
  Statement insert = database_.prepare("INSERT INTO points VALUES (?, ?, ?, ?, ?, ?)");
  for (const SweepAim& aim : aims) {
    insert.bind(1, std::int64_t{aim.point}).bind(2, static_cast<std::int64_t>(aim.seed));
    insert.bind(3, aim.name).bind(4, aim.parameters);
    if (!aim.run.empty()) insert.bind(5, aim.run);
    if (!aim.error.empty()) insert.bind(6, aim.error);
    insert.step();
    insert.reset();
  }
  create_views(heading);
  transaction.commit();
}

void SweepStore::create_views(const SweepHeading& heading) const {
  const std::string joined = kPointsWithRuns;
  const std::string begin = "points.point, points.seed" + key_columns(heading);
  replace_view(database_, "results",
               fmt::format("{}, points.name, {} AS status{}, {} AS error, {} AS exit_code, "
                           "points.run, runs.input_digest, runs.moesim",
                           begin, kPointStatus, metric_columns(sweep_metrics()), kPointError,
                           kPointExitCode),
               joined);
  for (const SweepMetricGroup& group : sweep_metric_groups())
    replace_view(database_, group.name, begin + metric_columns(group.metrics), joined);
  std::string pools = begin;
  for (const char* column :
       {"name", "gpus", "ranks", "steps", "step_time_s.mean", "step_time_s.p99", "busy",
        "running.mean", "running.max", "waiting.mean", "waiting.max", "kv_use.mean", "kv_use.max",
        "tokens_per_step", "gpu_max_over_mean", "stall_s", "preemptions"})
    pools += fmt::format(", json_extract(pool.value, '$.{}') AS {}", column, sql_name(column));
  replace_view(database_, "pools", pools,
               joined + ", json_each(runs.details, '$.serving.pools') AS pool");
}

std::set<std::string> SweepStore::finished() const {
  std::set<std::string> all;
  Statement query = database_.prepare("SELECT run FROM runs");
  while (query.step()) all.insert(query.text(0));
  return all;
}

void SweepStore::put(const SweepRecord& record) {
  std::string places = "?";
  const int columns = kPlainColumns + static_cast<int>(sweep_metrics().size());
  for (int i = 1; i < columns; ++i) places += ", ?";
  Statement insert = database_.prepare(
      fmt::format("INSERT OR REPLACE INTO runs ({}) VALUES ({})", run_columns(), places));
  insert.bind(1, record.run).bind(2, static_cast<std::int64_t>(record.seed));
  insert.bind(3, std::string(record.exit_code == 0 ? "done" : "failed"));
  insert.bind(4, std::int64_t{record.exit_code});
  if (!record.error.empty()) insert.bind(5, record.error);
  insert.bind(6, std::string(MOESIM_VERSION)).bind(7, record.program);
  insert.bind(8, record.input_digest);
  if (!record.scenario.empty()) insert.bind(9, record.scenario);
  if (!record.details.empty()) insert.bind(10, record.details);
  for (const auto& [name, value] : record.numbers)
    if (const auto index = sweep_metric_index(name))
      insert.bind(kPlainColumns + 1 + static_cast<int>(*index), value);
  insert.step();
}

int SweepStore::merge(const std::filesystem::path& other) {
  database_.prepare("ATTACH ? AS other").bind(1, other.string()).step();
  int added = 0;
  if (has_table(database_, "other", "runs")) {
    Transaction transaction(database_);
    database_.run(fmt::format("INSERT OR IGNORE INTO main.runs ({0}) SELECT {0} FROM other.runs",
                              run_columns()));
    Statement changes = database_.prepare("SELECT changes()");
    changes.step();
    added = static_cast<int>(changes.integer(0));
    changes.reset();
    transaction.commit();
  }
  database_.run("DETACH other");
  return added;
}

void SweepStore::forget_failed() { database_.run("DELETE FROM runs WHERE status = 'failed'"); }

}  // namespace moesim
