// The result of a run as a person reads it at a glance, on a terminal: at most 100 columns.
#pragma once

#include <string>

#include "sim/model/run_result.hpp"
#include "sim/model/scenario.hpp"

namespace moesim {

// Ends with a line end. `colour` adds ANSI colours; the text is the same without.
std::string run_table(const Scenario& scenario, const RunResult& result, bool colour);

}  // namespace moesim
