// EPLB on one layer: what the placements that build on it share.
#pragma once

#include <span>
#include <vector>

#include "sim/placement/placement_policy.hpp"

namespace moesim {

struct EplbShape {
  int experts = 0, slots = 0, gpus = 0;
  int groups = 1, nodes = 1;  // 1 and 1 for the global policy
};

// Of a request with `redundant` slots more than experts: hierarchical where the groups divide over
// the nodes, else global, or `always_global`. Throws InputError at `spot` where the slots do not
// divide over the GPUs.
EplbShape eplb_shape(const PlacementRequest& request, int redundant, bool always_global,
                     const Spot& spot);

// Experts in the order in which the nodes hold them: [experts], experts / nodes of them a node.
// `weight` [experts]; sums are kept in Real.
template <class Real>
std::vector<int> experts_by_node(std::span<const Real> weight, const EplbShape& shape);

// The layer's map for `weight` [experts]. All decisions are made in Real, with stable sorts.
// `distinct_gpus`: no two copies of an expert on one GPU where that can be avoided.
template <class Real>
LayerPlacement eplb_layer(std::span<const Real> weight, const EplbShape& shape,
                          bool distinct_gpus = false);

// "global" makes eplb_shape() be `always_global`.
Parameter eplb_policy_parameter();

}  // namespace moesim
