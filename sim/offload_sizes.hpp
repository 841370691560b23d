// How much of a model's experts the GPUs hold, where the others lie, and what it takes to compute
// one on the CPU.
#pragma once

#include "sim/cache/cache.hpp"
#include "sim/layer_builder.hpp"
#include "sim/model/placement.hpp"
#include "sim/model/scenario.hpp"

namespace moesim {

struct OffloadSizes {
  Bytes expert, low;  // one expert, and its copy of low precision
  CacheScope scope = CacheScope::kLayer;
  int slots = 0;                             // of a pool
  int all_slots = 0;                         // of a GPU
  int experts = 0;                           // of the GPU with the most
  IdMatrix<LayerId, ExpertId, Store> store;  // where those lie that are not on a GPU
  Bytes staging() const { return expert * kStaging; }
  // Experts that are used and not kept pass through so many slots of their own.
  static constexpr int kStaging = 2;
};

// What offloading wants to see of the routes.
RoutingDetail offload_detail(const Scenario& scenario);

// None where every expert has its slot. Where a node's memory is too small for its experts, it has
// those that the profiling window uses most. Throws InputError where the scenario cannot be
// offloaded.
std::optional<OffloadSizes> offload_sizes(const Scenario& scenario, const Trace& trace,
                                          const LayerBuilder& builder, const Placement& placement);

// Of `rows` rows of an expert on the CPU: what computing or reading its weights takes, and the way
// of the rows there and back. A node's GPUs share its CPU and memory evenly.
Seconds cpu_time(const Scenario& scenario, int rows);
// Of one expert, alone on its links.
Seconds fetch_time(const Cluster& cluster, Store from, Bytes size);

}  // namespace moesim
