// The memory of whole steps, which may be many micro-batches.
#pragma once

#include "sim/stretch.hpp"

namespace moesim {

// What check_memory looks at; the stretch is of the scenario's passes. Throws InputError where
// training would have several copies of an expert.
MemoryRequest memory_of(const Scenario& scenario, const Stretch& stretch);

}  // namespace moesim
