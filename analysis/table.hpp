// The result of a run as a person reads it at a glance, on a terminal.
#pragma once

#include <string>

#include "analysis/screen.hpp"
#include "sim/model/run_result.hpp"
#include "sim/model/scenario.hpp"

namespace moesim {

// Ends with a line end. Lines are no wider than the screen, and than 100 columns.
std::string run_table(const Scenario& scenario, const RunResult& result, const Screen& screen);

}  // namespace moesim
