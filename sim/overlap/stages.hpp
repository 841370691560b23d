// Micro-batches whose layers are lists of stages, in turns on one compute stream.
//
// Every batch goes through the stages of its layers; a stage of the first batch is followed by the
// stage of the next batch that lags behind by so many, as one host thread would launch them.
// Kernels run in that order on the compute stream, each batch's exchanges beside it: a kernel that
// waits for an exchange holds up those launched after it (streams.hpp).
#pragma once

#include "sim/overlap/overlap.hpp"

namespace moesim {

// What one stage does with the parts of its batch's layer.
struct StageStep {
  enum Kind {
    kRun,    // on the compute stream
    kStart,  // an exchange, beside it
    kWait,   // for the exchanges that the batch has started
  };
  Kind kind = kRun;
  Part LayerParts::*part = nullptr;
  bool beside = false;  // on a second compute stream, of GPUs that have no kernel on the first
};
using Stages = std::vector<std::vector<StageStep>>;

// The next layer. `lag`: stages by which each batch comes after the one before it. A layer of one
// batch waits for all batches of the layer before, and all of its stages are in its fragment.
TaskGraph build_stages(const Stages& stages, int lag, std::vector<LayerParts> batches,
                       Carried& carried);

// The stages of the last layer that are left.
TaskGraph finish_stages(const Stages& stages, Carried& carried);

}  // namespace moesim
