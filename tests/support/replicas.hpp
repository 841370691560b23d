// Replica choices for tests.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "sim/replica/replica.hpp"
#include "tests/support/clusters.hpp"
#include "tests/support/plugin.hpp"
#include "tests/support/routings.hpp"

namespace moesim {

inline Cluster cluster_of(int nodes, int gpus_per_node) {
  ClusterSpec spec = test_spec(nodes);
  spec.gpus_per_node = spec.nics_per_node = gpus_per_node;
  return build_cluster(spec, nodes == 1 ? "nvlink_domain" : "rail_optimized");
}

// Experts of the slots, the same number of slots on each GPU.
inline LayerPlacement placement_of(const std::vector<int>& experts_by_slot, int gpus) {
  IdVector<SlotId, ExpertId> expert_of;
  for (const int expert : experts_by_slot) expert_of.raw().emplace_back(expert);
  const int slots = static_cast<int>(experts_by_slot.size());
  const int experts = *std::max_element(experts_by_slot.begin(), experts_by_slot.end()) + 1;
  return make_layer_placement(even_first_slots(slots, gpus), std::move(expert_of), experts);
}

inline Assignment assign(const std::string& section, const Routing& routing,
                         const LayerPlacement& placement, const Cluster& cluster, int step = 0,
                         std::uint64_t seed = 1) {
  return plugin<Replica>(section)->assign({.routing = routing,
                                           .placement = placement,
                                           .cluster = cluster,
                                           .step = StepId(step),
                                           .layer = LayerId(0),
                                           .random = Random(seed)});
}

inline std::vector<int> slots_of(const Assignment& assignment) {
  return {assignment.slots.begin(), assignment.slots.end()};
}

}  // namespace moesim
