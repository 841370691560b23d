// Model FLOPs of a run's steps against what its GPUs could do.
#pragma once

#include "sim/model/run_result.hpp"
#include "sim/model/scenario.hpp"

namespace moesim {

// MFU (policies.md 5.5), a ratio: peak is that of the experts' type. `result` has its steps.
double flop_utilization(const Scenario& scenario, const RunResult& result);

}  // namespace moesim
