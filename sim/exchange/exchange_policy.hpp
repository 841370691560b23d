// How tokens travel to their experts and back.
#pragma once

#include <optional>

#include "sim/base/registry.hpp"
#include "sim/model/cluster.hpp"
#include "sim/model/cost_model.hpp"
#include "sim/model/moe_model.hpp"
#include "sim/model/placement.hpp"
#include "sim/model/routing.hpp"
#include "sim/model/task_graph.hpp"
#include "sim/replica/replica.hpp"

namespace moesim {

struct ExchangeRequest {
  const Routing& routing;  // admitted routes
  const Assignment& assignment;
  const LayerPlacement& placement;
  const Cluster& cluster;
  const MoeModel& model;
  const CostModel& cost;
  std::optional<Schedule> schedule;  // of the scenario; else the kind's default
  std::optional<RouteRule> rule;
};

// The two exchanges of a layer.
struct ExchangePlan {
  Exchange dispatch;
  Exchange combine;
  IdVector<GpuId, double>
      received_tokens;  // distinct (token, source) rows that reach each GPU [gpus]
};

class ExchangePolicy {
 public:
  static constexpr const char* kRole = "exchange";
  virtual ~ExchangePolicy() = default;
  // Ids where it counts distinct destinations; with counts only it uses their expectation.
  virtual RoutingDetail prefers() const = 0;
  virtual ExchangePlan plan(const ExchangeRequest& request) const = 0;
  // Whether experts find their rows in room for all tokens of every rank, not packed.
  virtual bool padded() const { return false; }
  // Bytes that the library's buffers take on each GPU, for a layer of `slots` slots.
  virtual Bytes buffer_bytes(const MoeModel& model, const Cluster& cluster, int tokens_per_gpu,
                             int slots) const = 0;
  // The most that the library allocates for them, however much memory there is.
  virtual std::optional<Bytes> buffer_limit() const { return std::nullopt; }
};

}  // namespace moesim
