// Experts grouped by heat onto tiers of GPUs: the hottest to the fastest GPUs, the next to the next
// ones, and lpt inside a tier (grouping on heterogeneous hardware, policies.md 3.8).
//
// GPUs of the same speed are a tier. A class of experts is as large as its tier has slots, so the
// share of load that a tier gets is whatever its experts have: unlike hetero_lpt nothing is
// balanced between tiers.
#include <algorithm>
#include <functional>
#include <map>
#include <numeric>

#include "sim/placement/gpu_speeds.hpp"
#include "sim/placement/packing.hpp"

namespace moesim {
namespace {

class ExpertGrouping final : public PlacementPolicy {
 public:
  explicit ExpertGrouping(const Arguments& arguments)
      : arguments_(arguments),
        redundant_(arguments.integer("redundant")),
        distinct_gpus_(arguments.flag("distinct_gpus")) {}
  WindowNeeds needs() const override { return {}; }

  Placement place(const PlacementRequest& request) const override {
    std::map<double, std::vector<int>, std::greater<>> tiers;  // GPUs by speed
    const std::vector<double> speed = speeds_of(arguments_, request);
    for (std::size_t gpu = 0; gpu < speed.size(); ++gpu)
      tiers[speed[gpu]].push_back(static_cast<int>(gpu));
    const std::vector<int> first_slot =
        even_first_slots(request.experts() + redundant_, request.gpus);
    Placement placement{IdVector<LayerId, LayerPlacement>(request.load.rows())};
    for (const LayerId layer : placement.layers.ids())
      placement.layers[layer] =
          place_layer(request.load.row(layer), tiers, first_slot, distinct_gpus_);
    return placement;
  }

 private:
  static LayerPlacement place_layer(std::span<const double> load,
                                    const std::map<double, std::vector<int>, std::greater<>>& tiers,
                                    const std::vector<int>& first_slot, bool distinct_gpus) {
    const std::vector<int> expert_of = replicate_experts<double>(load, first_slot.back());
    const std::vector<double> share = load_of_replicas<double>(load, expert_of);
    const std::vector<int> room = slots_per_gpu(first_slot);
    const std::vector<int> order = heaviest_first<double>(share);
    std::vector<Packed> packed(expert_of.size());
    auto next = order.begin();
    for (const auto& [speed, gpus] : tiers) {
      std::vector<int> tier_room;
      for (const int gpu : gpus) tier_room.push_back(room[static_cast<std::size_t>(gpu)]);
      const auto count = std::accumulate(tier_room.begin(), tier_room.end(), std::ptrdiff_t{0});
      const std::vector<int> items(next, next + count);
      next += count;
      std::vector<double> weight;
      std::vector<int> kinds;
      for (const int item : items) {
        weight.push_back(share[static_cast<std::size_t>(item)]);
        if (distinct_gpus) kinds.push_back(expert_of[static_cast<std::size_t>(item)]);
      }
      const auto inside = pack_balanced<double>(weight, tier_room, kinds);
      for (std::size_t i = 0; i < items.size(); ++i)
        packed[static_cast<std::size_t>(items[i])] = {
            .pack = gpus[static_cast<std::size_t>(inside[i].pack)], .rank = inside[i].rank};
    }
    return packed_layer(expert_of, packed, first_slot, static_cast<int>(load.size()));
  }

  Arguments arguments_;
  int redundant_ = 0;
  bool distinct_gpus_ = false;
};

const Register<PlacementPolicy, ExpertGrouping> kExpertGrouping{
    {.name = "expert_grouping",
     .summary = "the hottest experts on the fastest GPUs, tier by tier; lpt inside a tier",
     .source = "policies.md 3.8",
     .parameters = {speeds_parameter(), distinct_gpus_parameter()}}};

}  // namespace
}  // namespace moesim
