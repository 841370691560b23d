// What does not go with an overlap policy that divides the tokens of a step, or their routes.
#pragma once

#include "sim/base/error.hpp"
#include "sim/model/scenario.hpp"

namespace moesim {

void check_division(const Scenario& scenario, Mistakes& mistakes);

}  // namespace moesim
