// `moesim run --max-batch`: whether the scenario fits into memory, and the largest batch that does.
#pragma once

#include "sim/cli/flags.hpp"

namespace moesim {

// Prints the answer and gives the exit code: 1 where not even one token fits.
int run_max_batch(const ScenarioFlags& flags, const OutputFlags& output);

}  // namespace moesim
