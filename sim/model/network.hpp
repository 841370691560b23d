// How the network of a run is modelled (DESIGN §5): the fidelity ladder and its options.
#pragma once

#include <optional>

#include "sim/model/cluster.hpp"
#include "sim/model/task_graph.hpp"

namespace moesim {

enum class Fidelity { kPairwise, kFluid, kAggregated, kAnalytic };
inline constexpr const char* kFidelityNames[] = {"pairwise", "fluid", "aggregated", "analytic"};
inline const char* to_string(Fidelity fidelity) {
  return kFidelityNames[static_cast<int>(fidelity)];
}

// GPUs; SimGrid's solver takes minutes for one all-to-all above this, which must be forced.
inline constexpr int kLargestPairwise = 128;

struct NetworkOptions {
  Fidelity fidelity = Fidelity::kFluid;
  // Of the fluid solver: completions within this share of the elapsed time are one event; 0 =
  // exact.
  double tolerance = 0.003;
  bool force = false;  // run `pairwise` above 128 GPUs
  // Absent: the exchange kind's own.
  std::optional<Schedule> schedule;
  std::optional<RouteRule> routing;
  std::optional<Coupling> coupling;
  std::optional<WaitFor> wait_for;
};

}  // namespace moesim
