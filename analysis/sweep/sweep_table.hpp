// The results of a sweep as read from its file: a row for each point and seed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace moesim {

struct SweepRow {
  int point = 0;  // from 1
  std::uint64_t seed = 0;
  std::string name;                 // of the point
  std::vector<std::string> values;  // by axes; empty where the point leaves it to the scenario
  std::string status;               // done, failed, or missing: not run yet
  std::string error;                // of a failed one
  int exit_code = 0;                // 2: the scenario cannot run; 70: a crash
  std::string run, input_digest, moesim;
  std::vector<double> metrics;  // by sweep_metrics(); not a number where it is not defined
};

struct SweepTable {
  std::string name, scenario;
  std::string command;  // empty: of an older moesim, which did not keep it
  std::vector<std::string> axes;
  std::vector<SweepRow> rows;  // by point, then seed
};

// Throws InputError where the file is not a sweep's.
SweepTable read_sweep(const std::filesystem::path& path);

// A line for each row, with the metrics that any row has; numbers so that they read back exactly.
// The same bytes for the same results, in whichever order they came.
std::string sweep_csv(const SweepTable& table);

// Means over the seeds of a point, in the order of the points.
struct SweepMean {
  const SweepRow* first = nullptr;  // its name and values
  int runs = 0;                     // that are done
  std::vector<double> metrics;      // by sweep_metrics(); of the runs that are done
};
std::vector<SweepMean> sweep_means(const SweepTable& table);

}  // namespace moesim
