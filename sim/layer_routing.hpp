// From the routes of a trace to what every GPU sends and computes in one layer of one step: gate,
// capacity, replicas, exchange.
//
// The gate sees the tokens of all GPUs of a stage. Then each expert-parallel group (sim/model/grid)
// goes its own way, and the groups' exchanges become one.
#pragma once

#include <memory>
#include <vector>

#include "sim/batch_copies.hpp"
#include "sim/capacity/capacity.hpp"
#include "sim/exchange/exchange_policy.hpp"
#include "sim/gated_trace.hpp"
#include "sim/model/cost_model.hpp"
#include "sim/model/load_window.hpp"
#include "sim/model/scenario.hpp"
#include "sim/replica/replica.hpp"
#include "sim/trace/trace.hpp"

namespace moesim {

// What a layer's routing was, for the records.
struct LayerLoad {
  std::vector<double> gpu;     // routes computed by each GPU of the layer's stage
  int first_gpu = 0;           // of the stage
  std::vector<double> expert;  // routes admitted to each logical expert, [experts]
  std::int64_t tokens = 0, routes = 0, dropped_routes = 0, dropped_tokens = 0, rows = 0;
  double nvlink_bytes = 0, network_bytes = 0;  // payload of dispatch and combine
  GateRecord gate;
  std::int64_t rerouted_routes = 0;
  // Experts that travelled to this batch, and their temporary copies on each GPU (empty: none).
  int travelling_experts = 0;
  std::vector<int> copies;
  double migration_bytes = 0;  // their weights
  Routing routing;             // as admitted, by rank: a source is all GPUs of a rank
  // As in RoutedLayer, when the layer has been built.
  IdVector<GpuId, std::vector<int>> rows_of;
  IdVector<GpuId, double> received;
  double usual_rows = 0;
};

struct RoutedLayer {
  LayerLoad load;
  // Between all GPUs; none where every GPU has the tokens of its experts already.
  std::optional<Exchange> dispatch, combine;
  IdVector<GpuId, std::vector<int>> rows;       // of each slot of each GPU of the cluster
  IdVector<GpuId, double> received;             // distinct rows that reach each GPU
  double usual_rows = 0;                        // of a slot
  std::optional<BatchCopies> copies;            // none: no expert travels
  IdVector<GpuId, std::vector<int>> copy_rows;  // of each temporary copy of each GPU
};

class LayerRouting {
 public:
  // `also_needed`: of the routes, by whoever looks at them beside the layers' own policies.
  LayerRouting(const Scenario& scenario, const Trace& trace, const CostModel& cost,
               RoutingDetail also_needed);

  RoutedLayer route(int step, LayerId layer, const LayerPlacement& placement) const;
  // What the gate will ask for in steps first, first + 1, …, before the capacity. Sources are
  // ranks.
  LoadWindow routed_window(int first, int steps, const WindowNeeds& needs,
                           const Placement& placement) const;
  // What the choice of replicas, and of experts that travel, costs.
  ReplicaWork choice(const LayerPlacement& placement) const {
    return copier_.with_decision(replica_->work(placement), placement);
  }
  Bytes exchange_buffers(int tokens_per_gpu) const;

  RoutingDetail detail() const { return detail_; }
  const Gate& gate() const { return gated_.gate(); }
  const Capacity& capacity() const { return *capacity_; }
  int stage_of(LayerId moe_layer) const;

 private:
  struct Group;
  Group route_group(int step, LayerId layer, const LayerPlacement& placement,
                    const ExpertGroup& group, Routing routing) const;
  Routing by_rank(Routing routing, int stage) const;
  void take_copies(Group& group, RoutedLayer& routed) const;
  Admission admit(int step, LayerId layer, const LayerPlacement& placement, Routing routing) const;
  ExpertCounts admitted_counts(int step, LayerId layer, const LayerPlacement& placement) const;
  void merge(Group group, const ExpertGroup& where, const LayerPlacement& placement,
             RoutedLayer& routed) const;

  const Scenario& scenario_;
  const CostModel& cost_;
  const Grid& grid_;
  GatedTrace gated_;
  std::unique_ptr<Capacity> capacity_;
  std::unique_ptr<Replica> replica_;
  std::unique_ptr<ExchangePolicy> exchange_;
  BatchCopier copier_;
  RoutingDetail detail_ = RoutingDetail::kCounts;
  std::vector<int> tokens_;  // of each GPU of a stage
};

}  // namespace moesim
