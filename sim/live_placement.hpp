// Maps for some of the GPUs, those that live or those that have experts: the others hold no slot.
#pragma once

#include <memory>

#include "sim/model/grid.hpp"
#include "sim/placement/placement_policy.hpp"

namespace moesim {

// All but the `dead`, which ascend.
std::vector<GpuId> live_gpus(int gpus, const std::vector<GpuId>& dead);

// Slots of a live GPU: as many as a GPU of `present` has at most, and room for every expert.
int slots_of_live_gpu(const Placement& present, int experts, int live);

// What `policy` makes of the live GPUs as if there were no others, with `slots` on each; redundant
// slots are what that leaves. Nodes and expert groups count where every node has as many live GPUs.
// The dead hold no slot. Throws InputError where the policy does.
Placement place_on_live(const Choice& policy, const PlacementRequest& request,
                        const std::vector<GpuId>& dead, int slots);

// The policy for the ranks of a grid. Where some have no expert, it sees the others alone, as if
// there were no more of them.
std::unique_ptr<PlacementPolicy> placement_policy(const Choice& choice, const Grid& grid);

// Of `slots` dealt evenly over the ranks that have experts. [ranks + 1]
std::vector<int> even_first_slots(int slots, const Grid& grid);

}  // namespace moesim
