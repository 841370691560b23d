// A task graph of some of the cluster's GPUs, as one of all of them.
#pragma once

#include "sim/engine/engine.hpp"

namespace moesim {

// The graph's GPU 0 is the first of `part`; the other `gpus` − part.gpus have nothing to do.
TaskGraph on_all_gpus(TaskGraph graph, GpuPart part, int gpus);

}  // namespace moesim
