// Predicts a table of measurements row by row, and compares (DESIGN §7, `moesim validate`).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/calibration/calibration.hpp"
#include "sim/calibration/fit.hpp"
#include "sim/calibration/measured_table.hpp"

namespace moesim {

// One quantity of one row of the table.
struct Comparison {
  std::size_t row = 0;
  std::string quantity;                // latency, dispatch, combine; empty if nothing is known
  std::optional<double> predicted_us;  // none: `reason` says why
  std::optional<double> measured_us;
  std::string reason;
  std::string group;                 // what is predicted alike: "TRTLLM … fp8_block", …
  std::vector<std::string> regimes;  // of the group
  bool suspect = false;              // listed, or marked, as a failed measurement
};

struct ValidationOptions {
  std::vector<Calibration> calibrations;  // empty: those of the column `system`
  SuspectGroups suspects;
  int draws = 10;  // Monte Carlo, of a power-law row
  std::uint64_t seed = 1;
};

struct Validation {
  std::vector<Comparison> rows;  // in the order of the table
  std::vector<std::string> calibrations;
  std::vector<std::string> warnings;
};

// Every row of the table gives at least one comparison.
Validation validate(const MeasuredTable& table, const ValidationOptions& options);

// Errors of each group and regime, suspect measurements apart: (group, regime, error).
struct RegimeError {
  std::string group, regime;
  ErrorSummary error;
};
std::vector<RegimeError> errors_by_regime(const Validation& validation);

}  // namespace moesim
