// The whole program on one page: a scenario in, a run's records out.
#pragma once

#include <functional>

#include "sim/engine/engine.hpp"
#include "sim/model/counterfactual.hpp"
#include "sim/model/placement.hpp"
#include "sim/model/run_result.hpp"
#include "sim/model/scenario.hpp"

namespace moesim {

// What a caller may listen to while a run goes on.
struct RunListener {
  std::function<void(int step, int steps)> step_ended;
  std::function<void(const Span&)> span;
};

// Replays the scenario's steps, possibly without a cause of time. One simulation per process (see
// sim/engine). Throws InputError where the scenario asks for something impossible that only shows
// now (a trace that does not fit, …).
RunResult simulate(const Scenario& scenario, const RunListener& listener = {},
                   const Counterfactual& counterfactual = {});

// What can be said without simulating: the placement's predicted balance and the memory.
struct Preview {
  double memory_bytes_max = 0, memory_bytes_limit = 0;
  double predicted_gpu_max_over_mean = 0;  // of the placement on its own load, mean over layers
  std::string routing_detail;
  double routes_per_step = 0;
  std::vector<std::string> warnings;
};
Preview preview(const Scenario& scenario);

}  // namespace moesim
