// A layer's task graph under the conditions of its step: slower and jittering kernels, dead GPUs.
#pragma once

#include "sim/base/random.hpp"
#include "sim/model/cluster.hpp"
#include "sim/model/conditions.hpp"
#include "sim/model/task_graph.hpp"

namespace moesim {

// Scales the time of every kernel on every GPU, and takes dead GPUs out: their kernels take no
// time, exchanges go on without them, and another GPU of their node forwards what they would have.
// `model_layer` tells the layers of a step apart.
void apply_conditions(TaskGraph& graph, int model_layer, const Conditions& conditions,
                      const Cluster& cluster, const Random& random);

}  // namespace moesim
