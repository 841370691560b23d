// What policies without stages begin a layer with.
#pragma once

#include "sim/overlap/overlap.hpp"

namespace moesim {

// Everything up to the router, part after part: what its results wait for.
std::vector<int> add_head(TaskGraph& graph, LayerParts& parts);

// The dispatch behind the router, with the shared experts beside it: what the routed experts wait
// for.
std::vector<int> add_dispatch_and_shared(TaskGraph& graph, LayerParts& parts,
                                         const std::vector<int>& gated);

// The batches' dispatches, one after the other on the communication stream: what each ends with.
std::vector<std::vector<int>> add_dispatches(TaskGraph& graph, std::vector<LayerParts>& batches,
                                             const std::vector<int>& gated);

// For a part that waits for both.
std::vector<int> both(std::vector<int> nodes, const std::vector<int>& more);

}  // namespace moesim
