// What a run becomes when a cause of time is taken out of it.
//
// Blame simulates the same draws again without one cause at a time (policies.md 5.4 has the case of
// free communication as "exposed communication"). Maps are made before anything is taken out, so
// they are those of the run as it was; only planners that weigh costs while it goes on see the
// kernels and loads as they have become.
#pragma once

#include <memory>

#include "sim/calibration/calibrated_cost.hpp"
#include "sim/layer_routing.hpp"
#include "sim/model/conditions.hpp"
#include "sim/model/counterfactual.hpp"

namespace moesim {

// Every GPU of an expert-parallel group computes and receives the mean over the group's living GPUs
// that have slots in the layer. A GPU's rows keep their proportions among its slots (evenly where
// it had none); the bytes of each leg are spread evenly over the pairs of a kind: within a GPU, a
// domain, a rail, and all others. So a layer's rows and bytes stay, per group and kind.
void balance_loads(RoutedLayer& routed, const Grid& grid, int stage, const Conditions& conditions);

// No GPU at another speed, and no jitter.
Conditions without_stragglers(Conditions conditions);

// Free communication: exchanges start at once and take no SMs (their bytes are the wires' matter).
// No stragglers: kernels but the experts' take the mean over the GPUs that have them.
void leave_out(const Counterfactual& counterfactual, TaskGraph& graph);

// The same wires, a million times as wide and without latency.
Cluster with_free_links(const Cluster& cluster);

// The scenario's cost model. With infinite HBM each form of a kernel is asked on a GPU whose
// memory has no limit to its bandwidth: what follows from bytes goes; start-ups, compute, and times
// that were measured whole (`table`) or per row stay.
std::unique_ptr<CostModel> kernel_costs(const Scenario& scenario,
                                        const Counterfactual& counterfactual);

}  // namespace moesim
