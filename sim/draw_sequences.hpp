// Which sequences are in a step: drawn once, and the same in every step of a run.
#pragma once

#include "sim/model/scenario.hpp"
#include "sim/model/sequence.hpp"

namespace moesim {

// The sequences of the new tokens that each GPU of the cluster brings [gpus], answers first; with
// tensor parallelism a group's batch is those of its GPUs. With fixed lengths all are the same.
IdVector<GpuId, Sequences> draw_sequences(const Scenario& scenario);

}  // namespace moesim
