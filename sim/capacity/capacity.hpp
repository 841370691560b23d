// How many routes an expert may take, and what happens to the rest.
#pragma once

#include <optional>
#include <string>

#include "sim/base/random.hpp"
#include "sim/base/registry.hpp"
#include "sim/model/moe_model.hpp"
#include "sim/model/placement.hpp"
#include "sim/model/routing.hpp"

namespace moesim {

struct CapacityRequest {
  const MoeModel& model;
  StepId step;
  LayerId layer;
  Random random{0};
  const LayerPlacement* placement = nullptr;  // for rules that look at GPUs
  std::optional<double> factor = {};          // in place of the capacity's own, where it has one
};

// What a capacity policy lets through.
struct Admission {
  Routing routing;          // kept routes only; the id of a dropped one is −1
  std::int64_t routes = 0;  // asked for
  std::int64_t dropped_routes = 0;
  std::int64_t dropped_tokens = 0;   // tokens with no kept route; −1 = not known (counts only)
  std::int64_t rerouted_routes = 0;  // kept, but by another expert than the one asked for
  std::int64_t rows = 0;             // expert rows computed, padding included; ≥ kept routes
  // Rows that are computed beyond the kept routes, [source gpu × expert]; empty = no padding.
  ExpertCounts padding;
  // The rows of every expert copy with any are padded to a multiple of this where they are
  // computed; not counted in `rows`.
  int row_multiple = 1;
};

class Capacity {
 public:
  static constexpr const char* kRole = "capacity";
  virtual ~Capacity() = default;
  virtual RoutingDetail needs() const = 0;
  // Something to read before trusting the numbers; empty = nothing.
  virtual std::string caution(const MoeModel&) const { return {}; }
  virtual Admission admit(Routing routing, const CapacityRequest& request) const = 0;
};

}  // namespace moesim
