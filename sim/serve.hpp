// Serving wired together: pools of GPUs whose steps the engine simulates, and the loop that gives
// them requests.
#pragma once

#include "sim/simulate.hpp"

namespace moesim {

// Serves the scenario's requests. Throws InputError as simulate() does.
RunResult simulate_serving(const Scenario& scenario, const RunListener& listener);

}  // namespace moesim
