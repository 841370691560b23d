// Which copy of an expert serves a route.
#pragma once

#include <optional>

#include "sim/base/random.hpp"
#include "sim/base/registry.hpp"
#include "sim/model/cluster.hpp"
#include "sim/model/placement.hpp"
#include "sim/model/routing.hpp"

namespace moesim {

struct ReplicaRequest {
  const Routing& routing;  // admitted routes
  const LayerPlacement& placement;
  const Cluster& cluster;
  StepId step;
  LayerId layer;
  Random random{0};
};

// Where the routes of one (step, layer) go.
struct Assignment {
  IdMatrix<GpuId, SlotId, int> routes;  // [source gpu × slot]
  std::vector<std::int16_t>
      slots;  // [tokens × top_k], −1 = none; empty where only counts are known
  // Rows that are sent and computed beyond the routes, [source gpu × slot]; empty = none.
  IdMatrix<GpuId, SlotId, double> padding = {};
};

// What the choice costs every GPU of a layer, before it can dispatch.
struct ReplicaWork {
  Bytes counts;  // all-reduced over the GPUs; 0 = no GPU needs to know of the others' routes
  std::optional<Seconds> counts_time;  // of the all-reduce; absent = what NCCL takes for it
  Seconds solve;                       // then spent on each GPU
};

class Replica {
 public:
  static constexpr const char* kRole = "replica";
  virtual ~Replica() = default;
  virtual RoutingDetail needs() const = 0;
  virtual Assignment assign(const ReplicaRequest& request) const = 0;
  virtual ReplicaWork work(const LayerPlacement&) const { return {}; }
};

}  // namespace moesim
