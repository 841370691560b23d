// What a run leaves out of its steps to show what it costs (sim/counterfactual.hpp).
#pragma once

namespace moesim {

// Each member takes one cause of time away; routing, maps and whatever else is drawn stay.
struct Counterfactual {
  bool balanced_loads = false;  // the GPUs of an expert-parallel group compute and receive alike
  bool free_communication = false;  // whatever travels takes no time and no SMs
  bool no_stragglers = false;       // no GPU is slower than the others, by itself or by its tokens
  bool infinite_hbm = false;        // kernels never wait for the bandwidth of the GPU's memory
  bool operator==(const Counterfactual&) const = default;
};

}  // namespace moesim
