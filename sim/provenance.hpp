// What the figures of a run rest on: calibrations and their errors, input files, fidelity; and what
// is to be said about it.
#pragma once

#include "sim/model/run_result.hpp"
#include "sim/stretch.hpp"

namespace moesim {

// Fidelity, tolerance and digests of the input files, of the whole run.
void add_provenance(const Scenario& scenario, RunResult& result);

// What the part of the run adds that computes with `cost` after the stretch's choices. Nothing is
// said twice.
void add_provenance(const Stretch& stretch, const CostModel& cost, RunResult& result);

}  // namespace moesim
