// The map that improving placements start from.
#pragma once

#include "sim/placement/placement_policy.hpp"

namespace moesim {

// `start`: the placement whose map is improved where none is in use.
Parameter start_parameter();

class StartMap {
 public:
  // Reads `start`, which gets `redundant`. Throws InputError.
  explicit StartMap(const Arguments& arguments);
  WindowNeeds needs() const;
  // The present map of the request, if it is known, else one that `start` makes.
  Placement of(const PlacementRequest& request) const;

 private:
  std::unique_ptr<PlacementPolicy> start_;
};

}  // namespace moesim
