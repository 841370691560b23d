// What does not go with policies that divide the tokens of a step, their routes, or the kernel of
// the routed experts.
#pragma once

#include "sim/base/error.hpp"
#include "sim/model/scenario.hpp"

namespace moesim {

void check_division(const Scenario& scenario, Mistakes& mistakes);

}  // namespace moesim
