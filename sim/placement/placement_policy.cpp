#include "sim/placement/placement_policy.hpp"

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

}  // namespace moesim
