// The experts of a layer that are there first, and those that have to come when they have.
#pragma once

#include "sim/layer_routing.hpp"
#include "sim/model/task_graph.hpp"
#include "sim/offload_plan.hpp"

namespace moesim {

// Where a GPU says what it lacks, and where it waits for it.
struct ExpertWait {
  int ask = -1, hold = -1;  // nodes; −1 = none
};

// Replaces the expert kernels of a layer's graph: each GPU asks, computes what is there, waits for
// what it lacks, and computes that; without `overlap` it waits first, and computes all in one
// kernel. No wait where nobody lacks anything.
ExpertWait split_experts(TaskGraph& graph, const Scenario& scenario, const CostModel& cost,
                         const LayerLoad& load, const std::vector<GpuTurn>& turns, bool overlap);

}  // namespace moesim
