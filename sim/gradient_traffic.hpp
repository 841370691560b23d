// Gradients that the replicas of weights reduce, the optimizer's step, and the weights they gather.
//
// The dense parts of a layer have a replica on every data-parallel rank, its experts one in every
// expert-parallel group (policies.md 4.9). Where both directions of a pipeline use a part of the
// model, the stages that have it are replicas of each other.
#pragma once

#include <vector>

#include "sim/model/cost_model.hpp"
#include "sim/model/placement.hpp"
#include "sim/model/scenario.hpp"
#include "sim/model/task_graph.hpp"

namespace moesim {

// Parameters of a layer's dense parts (embeddings are in the first, the logits' in the last), and
// of one of its experts.
double dense_parameters_of(const MoeModel& model, int layer);

class GradientTraffic {
 public:
  // Of stages that have the same `layers` of the model, ascending.
  GradientTraffic(const Scenario& scenario, const CostModel& cost, const Placement& placement,
                  std::vector<int> stages, std::vector<int> layers);

  const std::vector<int>& stages() const { return stages_; }
  const std::vector<int>& layers() const { return layers_; }
  // Of one layer; possibly without a node.
  TaskGraph reduce(int layer) const;
  // A pass over the optimizer's states, then, where each replica has a share of them, all-gathers
  // of the weights. Its last node is each GPU's last.
  TaskGraph update() const;

 private:
  using Groups = std::vector<std::vector<GpuId>>;
  Groups dense_groups() const;
  Groups expert_groups() const;
  double expert_parameters_of(int layer) const;  // on a GPU
  void add(TaskGraph& graph, CollectiveKind kind, const Groups& groups, double bytes,
           const std::string& label) const;

  const Scenario& scenario_;
  const CostModel& cost_;
  std::vector<int> stages_, layers_;
  std::vector<int> slots_;  // of the fullest rank, [MoE layers]
};

}  // namespace moesim
