// The routes of a trace as the gate leaves them, with the gate's state where it keeps one.
#pragma once

#include <memory>
#include <vector>

#include "sim/gate/gate.hpp"
#include "sim/model/scenario.hpp"
#include "sim/trace/trace.hpp"

namespace moesim {

// What decides a layer's routes does not depend on when it is asked for: a gate that keeps a state
// is run over the steps before, as far as they are not known yet.
class GatedTrace {
 public:
  GatedTrace(const Scenario& scenario, const Trace& trace, std::unique_ptr<Gate> gate);

  // `tokens` of each source GPU; at least `detail` is asked of the trace.
  GateResult route(StepId step, LayerId layer, const LayerPlacement& placement,
                   std::span<const int> tokens, RoutingDetail detail) const;
  const Gate& gate() const { return *gate_; }

 private:
  // Around the last step that was routed.
  struct Memory {
    int step = -1;
    std::vector<float> before, after;
  };

  const Scenario& scenario_;
  const Trace& trace_;
  std::unique_ptr<Gate> gate_;
  mutable std::vector<Memory> memory_;  // [MoE layers]
};

}  // namespace moesim
