#include "sim/placement/placement_policy.hpp"

#include <algorithm>

#include "sim/base/error.hpp"

namespace moesim {

std::vector<Parameter> PlacementPolicy::common_parameters() {
  return {{.name = "redundant",
           .type = ParameterType::kInteger,
           .doc = "extra slots per layer, beyond one for each expert",
           .fallback = "0",
           .minimum = 0},
          {.name = "load",
           .type = ParameterType::kPath,
           .doc = "file of expert loads to place for (default: a profiling window of the trace)"}};
}

GpuDistance hop_distance(int gpus, int nodes) {
  const int node_gpus = std::max(1, gpus / nodes);
  return [node_gpus](GpuId source, GpuId target) {
    if (source == target) return 0.0;
    return source.value / node_gpus == target.value / node_gpus ? 1.0 : 2.0;
  };
}

void require_known(bool known, const std::string& what, const Spot& spot, const std::string& hint) {
  if (!known) throw InputError(spot, what + " is not known here", hint);
}

}  // namespace moesim
