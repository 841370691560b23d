#include "sim/batch_copies.hpp"

#include <set>

namespace moesim {
namespace {

constexpr int kBytesOfCount = 4;

}  // namespace

BatchCopier::BatchCopier(const Scenario& scenario, const CostModel& cost)
    : scenario_(scenario),
      cost_(cost),
      policy_(Registry<StepPlacement>::make(scenario.step_placement)),
      travel_(policy_->travel()),
      last_(scenario.model.moe_layers.size()) {}

std::optional<BatchCopies> BatchCopier::copies(int step, LayerId layer,
                                               const Assignment& assignment,
                                               const LayerPlacement& placement,
                                               const Routing& admitted,
                                               const RoutesOf& again) const {
  if (idle()) return std::nullopt;
  ExpertCounts before;
  if (travel_.before_gate) {
    Remembered& last = last_[layer];
    if (step > 0) before = last.step == step - 1 ? last.routes : again(step - 1, layer);
    last = {.step = step, .routes = admitted.counts};
  }
  const StepCopies decided = policy_->decide({.assignment = assignment,
                                              .placement = placement,
                                              .cluster = *scenario_.cluster,
                                              .model = scenario_.model,
                                              .before = before.empty() ? nullptr : &before});
  if (decided.copies.empty() && decided.taken.empty()) return std::nullopt;
  BatchCopies copies{
      .layer = extend(placement, assignment, admitted, decided, scenario_.step_placement.spot),
      .weights =
          weight_copies(decided, travel_, placement, scenario_.model, *scenario_.cluster, cost_),
      .before_gate = travel_.before_gate,
      .on_gpu = IdVector<GpuId, int>(scenario_.cluster->gpus())};
  std::set<ExpertId> experts;
  for (const TemporaryCopy& copy : decided.copies) {
    experts.insert(copy.expert);
    ++copies.on_gpu[copy.gpu];
  }
  copies.experts = static_cast<int>(experts.size());
  return copies;
}

ReplicaWork BatchCopier::with_decision(ReplicaWork choice, const LayerPlacement& placement) const {
  if (idle()) return choice;
  // One all-reduce serves both.
  if (travel_.agreed && choice.counts.value == 0) {
    choice.counts = Bytes(1.0 * placement.experts() * kBytesOfCount);
    choice.counts_time = travel_.agreement;
  }
  choice.solve += travel_.decision;
  return choice;
}

}  // namespace moesim
