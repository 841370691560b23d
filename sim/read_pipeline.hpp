// Reads and checks how the steps of a scenario are divided: into micro-batches, over pipeline
// stages.
#pragma once

#include "sim/base/parameter.hpp"
#include "sim/model/scenario.hpp"

namespace moesim {

// `workload` is the section; everything else of the scenario has been read. Sets its micro-batches,
// and adds what does not go with them to `mistakes`.
void read_pipeline(const Arguments& workload, Scenario& scenario, Mistakes& mistakes);

// The section `training` and what else only training has.
void read_training(const Arguments& section, Scenario& scenario);

// Parts of the model that a stage has, one way through it.
int chunks_of(const Scenario& scenario);

}  // namespace moesim
