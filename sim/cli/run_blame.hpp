// The further simulations of `moesim run --blame`.
#pragma once

#include <vector>

#include "analysis/blame.hpp"
#include "analysis/experiment.hpp"
#include "sim/model/run_result.hpp"
#include "sim/model/scenario.hpp"

namespace moesim {

// Seconds of each measured step.
Json step_seconds(const RunResult& result);

// The scenario without each of causes(), in their order. It must live as long.
std::vector<Variant> blame_variants(const Scenario& scenario);

// From step_seconds of the run as it was, and what the variants came to.
Blame read_blame(const Json& steps, const std::vector<Outcome>& without);

}  // namespace moesim
