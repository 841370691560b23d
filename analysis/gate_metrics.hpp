// What the gate did to the routes of a run, as ratios (policies.md 5.2).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sim/model/run_result.hpp"

namespace moesim {

// Not a number where it is not defined: the trace has no ids, or there is no route.
struct GateMetrics {
  bool gated = false;           // false: the trace's routes, unchanged
  double routes_changed = 0;    // share of the trace's routes that the gate does not have
  double routes_per_token = 0;  // to experts that compute
  double free_share = 0;        // of all routes, to experts that cost nothing
  double unrouted_tokens = 0;   // share of (token, layer) pairs that ask for no expert
  double confidence = 0;        // mean weight of a route
  double rerouted = 0;          // share of all routes that a full expert sent to another one
  // Mean over layers and steps, with coefficient 1.
  std::vector<std::pair<std::string, double>> losses;
};

GateMetrics gate_metrics(const RunResult& result);

// That a gate which changes routes makes another model; empty where it does not.
std::string gate_warning(const GateMetrics& metrics);

}  // namespace moesim
