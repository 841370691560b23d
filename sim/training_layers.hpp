// The layers of a training step as task graphs: forward, backward, and both at once.
//
// The backward pass of an MoE layer begins with combine's: a dispatch of the gradients of what the
// experts gave. Dispatch's is a combine of the gradients of what they got. Everything goes the ways
// of the forward pass, whose routes are drawn again.
#pragma once

#include "sim/calibration/backward_cost.hpp"
#include "sim/layer_builder.hpp"
#include "sim/schedule/schedule.hpp"

namespace moesim {

// Where a layer and its micro-batch stand in a run.
struct LayerStep {
  int pass = 0;   // step of the trace
  int layer = 0;  // of the model
};

// Parts of a backward pass: of the gradients of inputs, and of weights.
struct BackwardParts {
  LayerParts input, weight;
};

class TrainingLayers {
 public:
  // `passes` has micro-batches as steps; its grid says where the layers are.
  TrainingLayers(Scenario passes, const Trace& trace, const CostModel& cost,
                 const EventTimeline& timeline);
  TrainingLayers(const TrainingLayers&) = delete;
  TrainingLayers& operator=(const TrainingLayers&) = delete;

  // As of a LayerBuilder.
  void leave_out(const Counterfactual& counterfactual);
  const Grid& grid() const { return *scenario_.grid; }
  LayerParts forward(LayerStep at, const Placement& placement, LayerLoad* load) const;
  // Of input gradients, `load` has the bytes that they send.
  BackwardParts backward(LayerStep at, const Placement& placement, LayerLoad* load) const;
  LayerParts weight_gradients(LayerStep at, const Placement& placement) const;
  LayerParts input_gradients(LayerStep at, const Placement& placement, LayerLoad* load) const;
  // Logits of all tokens and the loss. kBackwardWeight: of the weights alone, ….
  TaskGraph head(PassKind kind) const;

 private:
  static Scenario with_gradients(Scenario scenario);
  Part again(LayerStep at) const;
  void add_head(const CostModel& cost, TaskGraph& graph, std::vector<int>& last) const;

  Scenario scenario_;
  Scenario gradients_;  // with the exchange of token gradients
  InputGradientCost input_cost_;
  WeightGradientCost weight_cost_;
  const CostModel& cost_;
  LayerBuilder forward_, input_, weight_;
};

// One part after the other. Of the weights' parts there are kernels only.
TaskGraph forward_graph(LayerParts parts);
TaskGraph backward_graph(BackwardParts parts);

// A forward pass over one layer beside a backward pass over another: the kernels take turns on one
// stream, each pass's exchanges travel beside the other's kernels (DeepSeek-V3, figure 4; the order
// is: attention forward, experts backward, experts forward, attention backward). What a pass waits
// for goes to `carried`, whose first lane is forward; it is empty before the first of a chunk's
// layers. Passes over layers are as LayerPass has them.
TaskGraph paired_graph(LayerParts forward, BackwardParts backward, LayerPass forward_at,
                       LayerPass backward_at, Carried& carried);

}  // namespace moesim
