// What it costs a host to have its GPU work.
#pragma once

#include "sim/base/units.hpp"

namespace moesim {

struct Launching {
  bool graphs = true;  // CUDA graphs: the kernels of a step are launched together
  Seconds kernel;      // of the host for one kernel, without graphs
  Seconds step;        // of the host between two steps, while the GPU waits
};

}  // namespace moesim
