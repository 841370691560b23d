// Turns one layer of one step into a task graph: route, gate, admit, choose replicas, exchange,
// cost.
#pragma once

#include <memory>
#include <vector>

#include "sim/calibration/dense_cost.hpp"
#include "sim/capacity/capacity.hpp"
#include "sim/exchange/exchange_policy.hpp"
#include "sim/gated_trace.hpp"
#include "sim/model/cost_model.hpp"
#include "sim/model/scenario.hpp"
#include "sim/overlap/overlap.hpp"
#include "sim/replica/replica.hpp"
#include "sim/trace/trace.hpp"

namespace moesim {

// What a layer's routing was, for the records.
struct LayerLoad {
  std::vector<double> gpu;     // routes computed by each GPU, [gpus]
  std::vector<double> expert;  // routes admitted to each logical expert, [experts]
  std::int64_t tokens = 0, routes = 0, dropped_routes = 0, dropped_tokens = 0, rows = 0;
  double nvlink_bytes = 0, network_bytes = 0;  // payload of dispatch and combine
  GateRecord gate;
  std::int64_t rerouted_routes = 0;
  Routing routing;  // as admitted
};

// A GPU whose load in a layer is replaced by the mean over the GPUs.
struct Evened {
  GpuId gpu;
};

class LayerBuilder {
 public:
  // `also_needed`: of the routes, by whoever looks at them beside the layers' own policies.
  LayerBuilder(const Scenario& scenario, const Trace& trace, const CostModel& cost,
               RoutingDetail also_needed = RoutingDetail::kCounts);
  ~LayerBuilder();

  RoutingDetail detail() const { return detail_; }
  const Gate& gate() const { return gated_.gate(); }
  const Capacity& capacity() const { return *capacity_; }
  // Model layer `layer` (0-based) of a step; an MoE layer's load goes to `load`. With `evened` that
  // GPU's expert rows, and the bytes to and from them, are scaled to the mean.
  TaskGraph build(int step, int layer, const Placement& placement, LayerLoad* load,
                  std::optional<Evened> evened = {}) const;
  // Routes to each expert in a step, before the capacity: [layers × experts].
  ExpertLoad routed_load(int step, const Placement& placement) const;
  // Logits at the end of a step.
  TaskGraph build_head(int step) const;
  Bytes exchange_buffers(int tokens_per_gpu) const;

 private:
  struct Routed;
  Routed route(int step, LayerId layer, const LayerPlacement& placement) const;
  void fill_experts(const Routed& routed, const LayerPlacement& placement, LayerParts& parts,
                    std::optional<Evened> evened) const;
  void fill_choice(const LayerPlacement& placement, LayerParts& parts) const;
  PartTimes uniform(KernelTime time) const;

  const Scenario& scenario_;
  const CostModel& cost_;
  GatedTrace gated_;
  std::unique_ptr<Capacity> capacity_;
  std::unique_ptr<Replica> replica_;
  std::unique_ptr<ExchangePolicy> exchange_;
  std::unique_ptr<Overlap> overlap_;
  RoutingDetail detail_ = RoutingDetail::kCounts;
  std::vector<int> tokens_;     // of each GPU
  std::vector<int> moe_index_;  // [layers] → MoE layer, −1 = dense
  TokenBatch batch_;
};

}  // namespace moesim
