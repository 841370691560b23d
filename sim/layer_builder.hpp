// Turns one layer of one step into a task graph: its parts, and the overlap policy's order of them.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "sim/dense_parts.hpp"
#include "sim/layer_routing.hpp"
#include "sim/model/counterfactual.hpp"
#include "sim/overlap/overlap.hpp"

namespace moesim {

// A GPU whose load in a layer is replaced by the mean over the GPUs.
struct Evened {
  GpuId gpu;
};

class LayerBuilder {
 public:
  // `timeline`: the conditions of every step. `also_needed`: of the routes, by whoever looks at
  // them beside the layers' own policies.
  LayerBuilder(const Scenario& scenario, const Trace& trace, const CostModel& cost,
               const EventTimeline& timeline, RoutingDetail also_needed = RoutingDetail::kCounts);

  // Of the layers that are built from now on: what each GPU brings to the step [gpus], in place of
  // the workload's sequences. `work`: what the overlap policy is to divide. Without stages.
  // `classes`: as of RoutingRequest.
  void set_batch(IdVector<GpuId, Sequences> sequences, const Workload& work,
                 std::vector<double> classes);

  // Of the layers that are built from now on.
  void leave_out(const Counterfactual& counterfactual) { counterfactual_ = counterfactual; }
  const Counterfactual& left_out() const { return counterfactual_; }

  const LayerRouting& routing() const { return routing_; }
  const EventTimeline& timeline() const { return timeline_; }
  // Model layer `layer` (0-based) of a step; an MoE layer's load goes to `load`. What an overlap
  // policy leaves for the next layer goes to `carried`.
  TaskGraph build(int step, int layer, const Placement& placement, LayerLoad* load,
                  Carried& carried) const;
  // The same layer on its own. With `evened` that GPU's expert rows, and the bytes to and from
  // them, are scaled to the mean.
  TaskGraph build_alone(int step, int layer, const Placement& placement, LayerLoad* load,
                        std::optional<Evened> evened = {}) const;
  // The parts of the layer, for an order of one's own. The overlap policy divides nothing.
  LayerParts parts(int step, int layer, const Placement& placement, LayerLoad* load) const {
    return std::move(parts_of(step, layer, placement, load, {}).front());
  }
  // What the last layer of a step has left; possibly nothing. Then logits.
  TaskGraph build_rest(int step, Carried& carried) const;
  TaskGraph build_head(int step) const;

 private:
  std::vector<LayerParts> parts_of(int step, int layer, const Placement& placement, LayerLoad* load,
                                   std::optional<Evened> evened) const;
  TaskGraph conditioned(TaskGraph graph, int layer) const;
  TokenRanges tokens_at(int step) const;  // all that each GPU brings
  void add_gate(const LayerPlacement& placement, int stage, const TokenRanges& tokens,
                LayerParts& parts) const;
  void add_experts(RoutedLayer& routed, int stage, const TokenRanges& tokens,
                   const TokenRanges& dense, LayerParts& parts) const;
  void add_copies(RoutedLayer& routed, IdVector<GpuId, double>& input, LayerParts& parts) const;
  KernelTime experts_time(std::span<const int> rows, double input_tokens, double usual_rows) const;
  void share_experts(const RoutedLayer& routed, int stage, const TokenRanges& tokens,
                     LayerParts& parts) const;

  const Scenario& scenario_;
  const CostModel& cost_;
  const Grid& grid_;
  const EventTimeline& timeline_;
  DenseParts dense_;
  LayerRouting routing_;
  std::unique_ptr<Overlap> overlap_;
  std::vector<int> moe_index_;  // [layers] → MoE layer, −1 = dense
  MicroBatches batches_;        // of MoE layers
  bool decode_ = false;         // the step is one of answers only
  std::vector<int> brought_;    // tokens of each GPU [gpus]; empty: the workload's
  Counterfactual counterfactual_;
};

}  // namespace moesim
