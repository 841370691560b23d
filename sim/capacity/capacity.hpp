// How many routes an expert may take, and what happens to the rest.
#pragma once

#include "sim/base/random.hpp"
#include "sim/base/registry.hpp"
#include "sim/model/moe_model.hpp"
#include "sim/model/routing.hpp"

namespace moesim {

struct CapacityRequest {
  const MoeModel& model;
  StepId step;
  LayerId layer;
  Random random{0};
};

// What a capacity policy lets through.
struct Admission {
  Routing routing;          // kept routes only; the id of a dropped one is −1
  std::int64_t routes = 0;  // asked for
  std::int64_t dropped_routes = 0;
  std::int64_t dropped_tokens = 0;  // tokens with no kept route; −1 = not known (counts only)
  std::int64_t rows = 0;            // expert rows computed, padding included; ≥ kept routes
  // Rows that are computed beyond the kept routes, [source gpu × expert]; empty = no padding.
  ExpertCounts padding;
};

class Capacity {
 public:
  static constexpr const char* kRole = "capacity";
  virtual ~Capacity() = default;
  virtual RoutingDetail needs() const = 0;
  virtual Admission admit(Routing routing, const CapacityRequest& request) const = 0;
};

}  // namespace moesim
