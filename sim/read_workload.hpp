// Reads the sections `workload` and `launch`: what a step does, and what the hosts do for it.
#pragma once

#include "sim/base/parameter.hpp"
#include "sim/model/launch.hpp"
#include "sim/model/scenario.hpp"

namespace moesim {

// Adds keys that do not go with the phase, or with the scenario's model, to `mistakes`. `tokens`
// is tokens_per_gpu, also where it is not written.
Workload read_workload(const Arguments& section, int tokens, const Scenario& scenario,
                       Mistakes& mistakes);

Launching read_launching(const Arguments& section);

}  // namespace moesim
