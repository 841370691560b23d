// Experts of consecutive layers: what the placements that look at transitions share.
#pragma once

#include <span>
#include <vector>

#include "sim/model/load_window.hpp"
#include "sim/model/placement.hpp"
#include "sim/placement/placement_policy.hpp"
#include "sim/solve/matrix.hpp"

namespace moesim {

using Transitions = IdVector<LayerId, ExpertPairs>;      // as in LoadDetail
using ExpertGpus = IdVector<LayerId, std::vector<int>>;  // GPU of each expert, [layers][experts]

// ExFlow's measure: tokens times hops (0 on a GPU, 1 in a node, 2 between nodes) between their
// experts of one layer and those of the next, over all layers.
double transition_cost(const Transitions& transitions, const ExpertGpus& gpu_of,
                       const GpuDistance& distance);

// Where an expert of `layer` would send and receive, [experts × gpus]: tokens times hops if it were
// on that GPU. Neighbouring layers for which `known` is false are left out.
Matrix cost_on_gpus(const Transitions& transitions, const ExpertGpus& gpu_of, LayerId layer,
                    std::span<const char> known, int gpus, const GpuDistance& distance);

// A placement with one slot for each expert, from the GPU of each.
Placement placement_of(const ExpertGpus& gpu_of, int gpus);

}  // namespace moesim
