// `moesim run --fidelity a,b`: the same scenario through several models of the network.
#pragma once

#include <string>
#include <vector>

#include "sim/cli/flags.hpp"

namespace moesim {

// Each is a fidelity, or fluid:TOLERANCE. Prints a table (or one JSON document) with what each says
// and how far it is from the most exact of them. CPU seconds are of this machine, and only in the
// table. Throws InputError.
int run_fidelities(const ScenarioFlags& scenario, const OutputFlags& output,
                   const std::vector<std::string>& fidelities);

}  // namespace moesim
