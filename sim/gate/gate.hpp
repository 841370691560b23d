// Which experts a token asks for.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "sim/base/random.hpp"
#include "sim/base/registry.hpp"
#include "sim/model/cluster.hpp"
#include "sim/model/gate_record.hpp"
#include "sim/model/moe_model.hpp"
#include "sim/model/placement.hpp"
#include "sim/model/routing.hpp"

namespace moesim {

struct GateRequest {
  const MoeModel& model;
  StepId step;
  LayerId layer;
  Random random{0};
  std::span<const float> state = {};  // what the step before left behind; empty in the first
  const Cluster* cluster = nullptr;   // where the experts are, for gates that look at GPUs
  const LayerPlacement* placement = nullptr;
};

struct GateResult {
  Routing routing;
  GateRecord record = {};         // default: the routes of the trace, unchanged
  std::vector<float> state = {};  // for the next step, of gates that keep some
};

class Gate {
 public:
  static constexpr const char* kRole = "gate";
  virtual ~Gate() = default;
  virtual RoutingDetail needs() const = 0;
  // Whether a step's routes depend on the steps before it.
  virtual bool keeps_state() const { return false; }
  // Something to read before trusting the numbers; empty = nothing.
  virtual std::string caution() const { return {}; }
  // The routing after the gate: recorded ids as they are, or new ones from the logits. Throws
  // InputError where the model or the cluster does not go with the gate's parameters.
  virtual GateResult apply(Routing recorded, const GateRequest& request) const = 0;
};

}  // namespace moesim
