// Parts that the tables of all runs have.
#pragma once

#include <string>

#include "analysis/lines.hpp"
#include "analysis/metrics.hpp"
#include "sim/model/scenario.hpp"

namespace moesim {

// "16 × H200 SXM in 2 nodes (h200-sxm-ib400)".
std::string machine_text(const Scenario& scenario, const RunResult& result);

// The policies that were chosen; a kind that changes nothing is left out.
std::string policy_text(const Scenario& scenario);

// The phases of a step, with bars.
void add_breakdown(Lines& lines, const Metrics& metrics);

// Network, calibrations and warnings.
void add_footing(Lines& lines, const RunResult& result);

}  // namespace moesim
