// From a map, one swap after the other between the heaviest and the lightest GPU (after SmartMoE's
// online part, from its description: Zhai et al., USENIX ATC 2023; its published code has none).
//
// Each time the pair of slots is swapped that leaves the heavier of the two GPUs lightest, until no
// swap helps. Few experts move, which is the point: as `rebalance.placement` of cost_benefit a map
// is taken only if what it saves is worth its migration.
#include <algorithm>

#include "sim/placement/placement_policy.hpp"
#include "sim/placement/slot_swaps.hpp"
#include "sim/placement/start_map.hpp"

namespace moesim {
namespace {

constexpr double kLeastGain = 1e-9;  // of the heavier GPU's load, for another swap

// The heaviest and the lightest GPU swap the slots that leave the heavier of them lightest. Whether
// that helped.
bool swap_once(SlotSwaps& map) {
  const auto load = map.gpu_load();
  const auto [light, heavy] = std::minmax_element(load.begin(), load.end());
  const int from = static_cast<int>(heavy - load.begin());
  const int to = static_cast<int>(light - load.begin());
  int best_from = -1, best_to = -1;
  double least = *heavy * (1 - kLeastGain);
  for (const int slot : map.slots_of(from))
    for (const int other : map.slots_of(to)) {
      if (map.doubles(slot, from, other, to)) continue;
      const double moved = map.load_of(slot) - map.load_of(other);
      const double larger = std::max(*heavy - moved, *light + moved);
      if (larger < least) best_from = slot, best_to = other, least = larger;
    }
  if (best_from >= 0) map.swap(best_from, from, best_to, to);
  return best_from >= 0;
}

class SmartMoe final : public PlacementPolicy {
 public:
  explicit SmartMoe(const Arguments& arguments)
      : start_(arguments), swaps_(arguments.integer("swaps")) {}
  WindowNeeds needs() const override { return start_.needs(); }

  Placement place(const PlacementRequest& request) const override {
    Placement placement = start_.of(request);
    for (const LayerId layer : placement.layers.ids()) {
      SlotSwaps map(placement.layers[layer], request.load.row(layer));
      for (int swap = 0; swap < swaps_ && swap_once(map); ++swap) {
      }
      placement.layers[layer] = map.map();
    }
    return placement;
  }

 private:
  StartMap start_;
  int swaps_ = 0;
};

const Register<PlacementPolicy, SmartMoe> kSmartMoe{
    {.name = "smartmoe",
     .summary = "from a map, swaps between the heaviest and the lightest GPU",
     .source = "after the paper (SmartMoE, ATC 2023)",
     .parameters = {start_parameter(),
                    {.name = "swaps",
                     .type = ParameterType::kInteger,
                     .doc = "in a layer, at most",
                     .fallback = "100",
                     .minimum = 1}}}};

}  // namespace
}  // namespace moesim
