// Which copy of an expert serves a route.
#pragma once

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
};

class Replica {
 public:
  static constexpr const char* kRole = "replica";
  virtual ~Replica() = default;
  virtual RoutingDetail needs() const = 0;
  virtual Assignment assign(const ReplicaRequest& request) const = 0;
};

}  // namespace moesim
