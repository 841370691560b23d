#include "sim/model/placement_bounds.hpp"

#include <numeric>

namespace moesim {

PlacementBounds placement_bounds(const LayerPlacement& layer, std::span<const double> load) {
  PlacementBounds bounds{.mean_load =
                             std::accumulate(load.begin(), load.end(), 0.0) / layer.gpus()};
  for (const ExpertId expert : layer.slots_of.ids())
    bounds.largest_share =
        std::max(bounds.largest_share,
                 load[expert.index()] / static_cast<double>(layer.slots_of[expert].size()));
  return bounds;
}

}  // namespace moesim
