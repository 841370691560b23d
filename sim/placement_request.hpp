// What the placements of a scenario are made for: before the run, and while it goes on.
#pragma once

#include "sim/layer_builder.hpp"
#include "sim/model/scenario.hpp"
#include "sim/placement/placement_policy.hpp"
#include "sim/rebalance/load_estimate.hpp"
#include "sim/trace/trace.hpp"

namespace moesim {

// Everything of a request but what was seen of the routes and the present placement.
PlacementRequest placement_site(const Scenario& scenario, const LayerBuilder& builder);

// The file that `placement.load` names, or the profiling window of the trace, with the detail that
// `needs` asks for; a file has no more than loads. All loads are 1 where they decide nothing.
// Throws InputError.
LoadWindow offline_window(const Scenario& scenario, const Trace& trace, const WindowNeeds& needs);

PlacementRequest request_for(PlacementRequest site, LoadWindow window,
                             const Placement* present = nullptr);

// The policy that makes the maps of a run: rebalance.placement, or that of the scenario.
Choice online_placement(const Scenario& scenario);

// Steps first, first + 1, … that come, as many as asked for: loads in tokens, their sum, and the
// detail that is needed.
using FutureWindow = std::function<LoadWindow(int first, int steps, const WindowNeeds& needs)>;

// What was seen of the steps that have ended. Loads are those of the estimator. Who asks for what,
// and the pairs, fade: after each step they are worth as much of what they were as the estimator
// keeps (of the estimator window, 1 − 1 / window). The estimator future sees the steps to come.
class OnlineWindow {
 public:
  OnlineWindow(const RebalanceOptions& options, const WindowNeeds& needs, int layers, int experts,
               FutureWindow future);
  // A layer of the step under way, in ascending order.
  void layer_built(LayerId layer, const LayerLoad& load);
  void step_ended(int step);
  // After step `step`: tokens of one step.
  LoadWindow window(int step) const;

 private:
  bool keeps_detail() const { return needs_.sources || needs_.pairs(); }

  WindowNeeds needs_;
  FutureWindow future_;
  int future_steps_ = 0;  // that the estimator future looks at; 0: another estimator
  double kept_ = 1;
  ExpertLoad step_load_;  // of the step under way
  LoadEstimate estimate_;
  WindowCounter counter_;  // of sources and pairs
};

}  // namespace moesim
