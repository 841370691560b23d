// What is asked of a sweep's results in SQL (their tables: sweep_store.hpp), by those who write
// them and those who read them.
#pragma once

#include <set>

#include "analysis/sweep/database.hpp"

namespace moesim {

// A row for each point and seed, with the run that answers it where there is one …
inline constexpr const char* kPointsWithRuns = "points LEFT JOIN runs USING (run)";
// … and what became of it.
inline constexpr const char* kPointStatus =
    "CASE WHEN points.error IS NOT NULL THEN 'failed' ELSE coalesce(runs.status, 'missing') END";
inline constexpr const char* kPointError = "coalesce(points.error, runs.error)";
inline constexpr const char* kPointExitCode =
    "CASE WHEN points.error IS NOT NULL THEN 2 ELSE runs.exit_code END";

// As the name of a table or of a column.
std::string sql_name(const std::string& name);

// Of the table `sweep`; empty where it has no such key.
std::string sweep_entry(const Database& database, const std::string& key);

// The columns that the file's table `runs` has.
std::set<std::string> run_columns_of(const Database& database);

}  // namespace moesim
