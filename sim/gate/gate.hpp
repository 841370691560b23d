// Which experts a token asks for.
#pragma once

#include "sim/base/random.hpp"
#include "sim/base/registry.hpp"
#include "sim/model/moe_model.hpp"
#include "sim/model/routing.hpp"

namespace moesim {

struct GateRequest {
  const MoeModel& model;
  StepId step;
  LayerId layer;
  Random random{0};
};

class Gate {
 public:
  static constexpr const char* kRole = "gate";
  virtual ~Gate() = default;
  virtual RoutingDetail needs() const = 0;
  // The routing after the gate: recorded ids as they are, or new ones from the logits.
  virtual Routing apply(Routing recorded, const GateRequest& request) const = 0;
};

}  // namespace moesim
