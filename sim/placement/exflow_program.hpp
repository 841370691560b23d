// ExFlow's integer program, by recursive bipartition.
#pragma once

#include <span>

#include "sim/placement/transitions.hpp"

namespace moesim {

// Splits the experts of all layers over two halves of the GPUs so that as few tokens as possible
// change the half from one layer to the next, then each half likewise, down to single GPUs. Halves
// are cut between nodes where there are several. Each split is an integer program of at most
// `search_nodes` nodes of the search tree. `sizes` [gpus] are the experts of each GPU, in every
// layer.
ExpertGpus bipartition(const Transitions& transitions, int experts, std::span<const int> sizes,
                       int nodes, int search_nodes);

}  // namespace moesim
