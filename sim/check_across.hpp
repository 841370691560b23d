// Checks that look at several sections of a scenario, each of which is right by itself.
#pragma once

#include "sim/model/scenario.hpp"

namespace moesim {

// Makes the grid, and completes the resolved section `parallel` by what it comes to. The sections
// have no mistakes.
void check_across(const Arguments& parallel, const Arguments& workload, Scenario& scenario,
                  Mistakes& mistakes);

}  // namespace moesim
