// What no placement can beat: lower bounds of the largest GPU load.
#pragma once

#include <algorithm>
#include <span>

#include "sim/model/placement.hpp"

namespace moesim {

// In tokens, for one layer.
struct PlacementBounds {
  double mean_load = 0;      // some GPU has at least the mean
  double largest_share = 0;  // some GPU holds a whole copy: the largest load of one
  double best() const { return std::max(mean_load, largest_share); }
};

// For the copies that `layer` has, if its GPUs are equally fast. `load` [experts].
PlacementBounds placement_bounds(const LayerPlacement& layer, std::span<const double> load);

}  // namespace moesim
