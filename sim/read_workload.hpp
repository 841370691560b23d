// Reads the sections `workload` and `launch`: what a step does, and what the hosts do for it.
#pragma once

#include "sim/base/parameter.hpp"
#include "sim/model/launch.hpp"
#include "sim/model/moe_model.hpp"
#include "sim/model/workload.hpp"

namespace moesim {

// Adds keys that do not go with the phase, or with the model, to `mistakes`.
Workload read_workload(const Arguments& section, const MoeModel& model, Mistakes& mistakes);

Launching read_launching(const Arguments& section);

}  // namespace moesim
