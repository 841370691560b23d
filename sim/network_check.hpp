// How far a simplified network is off, measured on a sample of the run itself.
//
// After the run, a few layers in the middle of the model are run twice in the same engine, each
// time behind a barrier and without one between them, so that ranks drift apart as in a step: with
// the network of the run, and with `fluid`.
#pragma once

#include "sim/engine/engine.hpp"
#include "sim/layer_builder.hpp"

namespace moesim {

// Ratio: the sample's time with the scenario's network over that with `fluid` at the same
// tolerance, minus 1. `engine` has run, with the scenario's network; it is left with `fluid`.
double network_error(Engine& engine, const Scenario& scenario, const LayerBuilder& builder,
                     const Placement& placement);

}  // namespace moesim
