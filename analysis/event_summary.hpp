// What the events of a run did, for summary.json and the table.
#pragma once

#include <string>
#include <vector>

#include "analysis/json.hpp"
#include "sim/model/run_result.hpp"

namespace moesim {

// The `events` of summary.json; a scenario without events has none.
Json events_json(const RunResult& result);
// For the table: a line for each event and each recovery, and what became of tokens and routes.
std::vector<std::string> event_lines(const RunResult& result);

}  // namespace moesim
