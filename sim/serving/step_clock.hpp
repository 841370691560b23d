// How long the steps of a pool of GPUs take. The serving loop asks; the simulation of a whole step
// answers (sim/serve.cpp), or a closed form in a test.
#pragma once

#include <vector>

#include "sim/base/units.hpp"
#include "sim/model/sequence.hpp"

namespace moesim {

// What the data-parallel ranks of a pool compute in one step, in which they go through the MoE
// layers together.
struct StepBatch {
  std::vector<Sequences> ranks;  // [data-parallel ranks]; an idle rank has none
  // Shares of the new tokens that are of each request class; empty: one class.
  std::vector<double> classes = {};
};

struct StepOutcome {
  // From the start of the step to the moment in which all ranks may plan the next; above 0. With no
  // rank alive: until one may be back; kForever where none will be.
  Seconds time;
  Seconds stall;  // of `time`: for new maps of experts, and recoveries
  // From the start of the step to the moment in which what it adds to the KV cache of its prompts
  // has reached the GPUs that decode; prefill pools only.
  Seconds kv_sent;
  // Ranks that fail during the step: what they had is lost, and they are not there from then on
  // until they come back.
  std::vector<int> failed = {}, returned = {};
  double gpu_max_over_mean = 1;  // expert load, mean over layers
};

class StepClock {
 public:
  virtual ~StepClock() = default;
  // The pool's next step.
  virtual StepOutcome step(const StepBatch& batch) = 0;
  // How long the KV cache of so many tokens travels on its own from a rank of a prefill pool to the
  // GPUs that decode: of prompts whose beginning was cached, or that found no room there in time.
  virtual Seconds kv_time(double /*tokens*/) const { return {}; }
};

}  // namespace moesim
