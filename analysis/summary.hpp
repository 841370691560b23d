// summary.json: the run in one document that scripts rely on (DESIGN §7, schema
// "moesim.summary/1").
//
// Beside `metrics` it holds `layers[]`, `gpus[]` and `hot[]`. All numbers are in SI units; a key
// that is not obvious carries its unit; null is what is not defined. Nothing in it depends on when
// or where the run was made.
#pragma once

#include "analysis/json.hpp"
#include "sim/model/run_result.hpp"
#include "sim/model/scenario.hpp"

namespace moesim {

inline constexpr const char* kSummarySchema = "moesim.summary/1";

Json summary_document(const Scenario& scenario, const RunResult& result);

// The run's warnings, and what its uncertainty adds to them.
std::vector<std::string> all_warnings(const RunResult& result);

}  // namespace moesim
