// What the rebalancer does where GPUs fail: maps leave the dead alone.
#include "sim/live_placement.hpp"
#include "sim/rebalancer.hpp"

namespace moesim {

void Rebalancer::adopt(int step, Placement placement, std::vector<GpuId> dead) {
  if (!pending_.empty()) records_.back().effective = step + 1;
  pending_.clear();
  planned_ = true;
  background_->forget();
  placement_ = std::make_shared<const Placement>(std::move(placement));
  site_.dead = std::move(dead);
}

Placement Rebalancer::make_maps(const PlacementRequest& request) const {
  if (site_.dead.empty()) return maps_->place(request);
  const int live = site_.gpus - static_cast<int>(site_.dead.size());
  return place_on_live(online_placement(scenario_), request, site_.dead,
                       slots_of_live_gpu(*placement_, scenario_.model.experts, live));
}

}  // namespace moesim
