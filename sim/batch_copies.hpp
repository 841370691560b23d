// The copies of experts that travel to the tokens of one layer of one step (sim/step_placement):
// decided from the batch, put into slots of their own, and sent.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "sim/model/scenario.hpp"
#include "sim/step_placement/temporary_slots.hpp"

namespace moesim {

// Of one layer of one step.
struct BatchCopies {
  ExtendedLayer layer;
  WeightCopies weights;
  bool before_gate = false;     // the weights leave when the layer begins
  int experts = 0;              // distinct ones that travel
  IdVector<GpuId, int> on_gpu;  // temporary copies of each GPU
};

class BatchCopier {
 public:
  // The admitted routes of a layer in a step: [source × expert].
  using RoutesOf = std::function<ExpertCounts(int step, LayerId layer)>;

  BatchCopier(const Scenario& scenario, const CostModel& cost);
  bool idle() const { return policy_->idle(); }
  // Nothing where no expert travels. `again` is asked for the step before, if the policy looks back
  // and that step was not the last to be decided.
  std::optional<BatchCopies> copies(int step, LayerId layer, const Assignment& assignment,
                                    const LayerPlacement& placement, const Routing& admitted,
                                    const RoutesOf& again) const;
  // With what deciding takes beside the choice of replicas.
  ReplicaWork with_decision(ReplicaWork choice, const LayerPlacement& placement) const;

 private:
  struct Remembered {
    int step = -1;
    ExpertCounts routes;
  };
  const Scenario& scenario_;
  const CostModel& cost_;
  std::unique_ptr<StepPlacement> policy_;
  WeightTravel travel_;
  mutable IdVector<LayerId, Remembered> last_;  // step decided on
};

}  // namespace moesim
