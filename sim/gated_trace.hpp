// The routes of a trace as the gate leaves them, under the conditions of their step, and with the
// gate's state where it keeps one.
#pragma once

#include <memory>
#include <vector>

#include "sim/conditioned_routing.hpp"
#include "sim/event_timeline.hpp"
#include "sim/gate/gate.hpp"
#include "sim/model/scenario.hpp"
#include "sim/trace/trace.hpp"

namespace moesim {

// What decides a layer's routes does not depend on when it is asked for: a gate that keeps a state
// is run over the steps before, as far as they are not known yet.
struct GatedRoutes {
  GateResult result;
  MaskedRoutes masked;
};

class GatedTrace {
 public:
  GatedTrace(const Scenario& scenario, const Trace& trace, const EventTimeline& timeline,
             std::unique_ptr<Gate> gate);

  // Of the routes from now on: as of RoutingRequest.
  void set_classes(std::vector<double> shares) { classes_ = std::move(shares); }

  // `tokens` of each source GPU while all live (conditions.hpp, tokens_under); at least `detail` is
  // asked of the trace.
  GatedRoutes route(StepId step, LayerId layer, const LayerPlacement& placement,
                    std::span<const int> tokens, RoutingDetail detail) const;
  const Gate& gate() const { return *gate_; }

 private:
  // Around the last step that was routed.
  struct Memory {
    int step = -1;
    std::vector<float> before, after;
  };

  GatedRoutes gated(StepId step, LayerId layer, const LayerPlacement& placement,
                    std::span<const int> tokens, RoutingDetail detail,
                    std::span<const float> state) const;

  const Scenario& scenario_;
  const Trace& trace_;
  const EventTimeline& timeline_;
  std::unique_ptr<Gate> gate_;
  std::vector<double> classes_;
  mutable std::vector<Memory> memory_;  // [MoE layers]
};

}  // namespace moesim
