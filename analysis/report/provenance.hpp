// What every report of a simulation says beside its answer: the assumptions that a scenario is, and
// where the numbers come from.
#pragma once

#include <string>
#include <vector>

#include "analysis/json.hpp"

namespace moesim {

// "deepseek-v3 on 32 × H200 SXM in 4 nodes". `scenario` as resolved, of a summary.
std::string subject_of(const Json& scenario);
int gpus_of(const Json& scenario);

// {name, text} for each section of the scenario that decides something.
Json assumptions_of(const Json& scenario);
// Those that all of the scenarios share.
Json common_assumptions(const std::vector<Json>& scenarios);

// {name, text} of what was computed with; `summary` as of a run.
Json provenance_of(const Json& summary);
// The kernels' costs with their held-out errors, as a table.
Json kernels_part(const Json& summary);

// Of warnings that are the same without their figures, one is enough.
std::string without_figures(std::string text);

}  // namespace moesim
