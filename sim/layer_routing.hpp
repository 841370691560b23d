// From the routes of a trace to what every GPU sends and computes in one layer of one step: gate,
// capacity, replicas, exchange.
//
// The gate sees the tokens of all GPUs of a stage. Then each expert-parallel group (sim/model/grid)
// goes its own way, and the groups' exchanges become one.
#pragma once

#include <memory>
#include <numeric>
#include <vector>

#include "sim/batch_copies.hpp"
#include "sim/capacity/capacity.hpp"
#include "sim/exchange/exchange_policy.hpp"
#include "sim/gated_trace.hpp"
#include "sim/layer_load.hpp"
#include "sim/model/cost_model.hpp"
#include "sim/model/load_window.hpp"
#include "sim/model/scenario.hpp"
#include "sim/overlap/overlap.hpp"
#include "sim/replica/replica.hpp"
#include "sim/trace/trace.hpp"

namespace moesim {

struct RoutedLayer {
  LayerLoad load;
  // Between all GPUs; none where every GPU has the tokens of its experts already.
  std::optional<Exchange> dispatch, combine;
  IdVector<GpuId, std::vector<int>> rows;       // of each slot of each GPU of the cluster
  IdVector<GpuId, double> received;             // distinct rows that reach each GPU
  double usual_rows = 0;                        // of a slot
  std::optional<BatchCopies> copies;            // none: no expert travels
  IdVector<GpuId, std::vector<int>> copy_rows;  // of each temporary copy of each GPU

  double rows_on(GpuId gpu) const {
    const double copied = std::accumulate(copy_rows[gpu].begin(), copy_rows[gpu].end(), 0.0);
    return std::accumulate(rows[gpu].begin(), rows[gpu].end(), copied);
  }
};

class LayerRouting {
 public:
  // `also_needed`: of the routes, by whoever looks at them beside the layers' own policies.
  LayerRouting(const Scenario& scenario, const Trace& trace, const CostModel& cost,
               const EventTimeline& timeline, RoutingDetail also_needed);

  // What the GPUs bring to the steps from now on [gpus of a stage], and the shares of it that are
  // of each request class (as of RoutingRequest).
  void set_tokens(std::vector<int> tokens, std::vector<double> classes) {
    tokens_ = std::move(tokens);
    gated_.set_classes(std::move(classes));
  }

  // In micro-batches: the first tokens are of the first batch. Only the first has a gate's record.
  // In turns of groups of GPUs, the first has the load of all that the layer's routes ask for.
  std::vector<RoutedLayer> route(int step, LayerId layer, const LayerPlacement& placement,
                                 const MicroBatches& batches) const;
  // What the gate will ask for in steps first, first + 1, …, before the capacity. Sources are
  // ranks.
  LoadWindow routed_window(int first, int steps, const WindowNeeds& needs,
                           const Placement& placement) const;
  // What the choice of replicas, and of experts that travel, costs.
  ReplicaWork choice(const LayerPlacement& placement) const {
    return copier_.with_decision(replica_->work(placement), placement);
  }
  // For layers of at most `slots` slots.
  Bytes exchange_buffers(int tokens_per_gpu, int slots) const;
  std::optional<Bytes> buffer_limit() const { return exchange_->buffer_limit(); }
  bool padded() const { return exchange_->padded(); }

  RoutingDetail detail() const { return detail_; }
  const Gate& gate() const { return gated_.gate(); }
  const Capacity& capacity() const { return *capacity_; }

 private:
  struct Group;
  std::vector<RoutedLayer> route_turns(int step, LayerId layer, const LayerPlacement& placement,
                                       Routing routing, int group) const;
  RoutedLayer route_batch(int step, LayerId layer, const LayerPlacement& placement,
                          Routing routing) const;
  Group assign(int step, LayerId layer, const LayerPlacement& placement, const ExpertGroup& group,
               Routing routing) const;
  void plan(const LayerPlacement& placement, const ExpertGroup& group, const Routing& admitted,
            Group& routed) const;
  RoutedLayer begun(LayerId layer, const LayerPlacement& placement) const;
  void finish(const LayerPlacement& placement, RoutedLayer& routed) const;
  Routing by_rank(Routing routing, int stage) const;
  void take_copies(Group& group, RoutedLayer& routed) const;
  Admission admit(int step, LayerId layer, const LayerPlacement& placement, Routing routing) const;
  ExpertCounts admitted_counts(int step, LayerId layer, const LayerPlacement& placement) const;
  void merge(Group group, const ExpertGroup& where, const LayerPlacement& placement,
             RoutedLayer& routed) const;

  const Scenario& scenario_;
  const CostModel& cost_;
  const Grid& grid_;
  const EventTimeline& timeline_;
  GatedTrace gated_;
  std::unique_ptr<Capacity> capacity_;
  std::unique_ptr<Replica> replica_;
  std::unique_ptr<ExchangePolicy> exchange_;
  BatchCopier copier_;
  RoutingDetail detail_ = RoutingDetail::kCounts;
  std::vector<int> tokens_;  // of each GPU of a stage, while all live
};

}  // namespace moesim
