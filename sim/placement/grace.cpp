// Groups of experts that are used together, and copies of the hot groups' experts (after GRACE-MoE,
// from its description).
//
// Groups are those of `coactivation`, one for each GPU. Then, as long as there are free slots, the
// GPU with the most load gets relief: its expert with the largest load per copy is copied to the
// lightest GPU that has room and does not hold it. So how many copies an expert gets follows the
// skew of the groups, not of the experts alone. Groups are equally large (the paper lets them
// differ a little). The replica policy that goes with it is weighted_rr.
#include <algorithm>
#include <numeric>

#include "sim/placement/affinity.hpp"
#include "sim/placement/packing.hpp"
#include "sim/placement/placement_policy.hpp"

namespace moesim {
namespace {

// One more copy where it helps the heaviest GPU that can be helped; false where none can.
bool relieve(CopyMap& map) {
  std::vector<int> heaviest(static_cast<std::size_t>(map.gpus()));
  std::iota(heaviest.begin(), heaviest.end(), 0);
  std::stable_sort(heaviest.begin(), heaviest.end(),
                   [&](int a, int b) { return map.load_on(a) > map.load_on(b); });
  for (const int gpu : heaviest) {
    std::vector<int> hottest = map.experts_on(gpu);
    std::stable_sort(hottest.begin(), hottest.end(),
                     [&](int a, int b) { return map.share_of(a) > map.share_of(b); });
    for (const int expert : hottest)
      if (const int target = map.lightest_without(expert); target >= 0) {
        map.add(expert, target);
        return true;
      }
  }
  return false;
}

class Grace final : public PlacementPolicy {
 public:
  explicit Grace(const Arguments& arguments)
      : redundant_(arguments.integer("redundant")), spot_(arguments.section()) {}
  WindowNeeds needs() const override { return {.coactivation = true}; }

  Placement place(const PlacementRequest& request) const override {
    require_pairs(request, spot_);
    Placement placement{IdVector<LayerId, LayerPlacement>(request.load.rows())};
    for (const LayerId layer : placement.layers.ids())
      placement.layers[layer] = place_layer(request, layer);
    return placement;
  }

 private:
  LayerPlacement place_layer(const PlacementRequest& request, LayerId layer) const {
    const std::vector<int> first_slot =
        even_first_slots(request.experts() + redundant_, request.gpus);
    CopyMap map(cluster_experts(request, layer), slots_per_gpu(first_slot),
                request.load.row(layer));
    // Where every GPU with room holds every expert, a second copy of the first is as good as any.
    while (!map.full())
      if (!relieve(map)) map.add(0, map.lightest_with_room());
    return map.layer();
  }

  int redundant_ = 0;
  Spot spot_;
};

const Register<PlacementPolicy, Grace> kGrace{
    {.name = "grace",
     .summary = "groups of experts used together, and copies of the hot groups' experts",
     .source = "after GRACE-MoE"}};

}  // namespace
}  // namespace moesim
