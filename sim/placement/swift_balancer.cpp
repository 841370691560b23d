// swift_balancer (vllm-ascend): changes a map in use as little as possible. While the largest GPU
// load is above 1.01 of the mean, and fewer than 100 swaps were made, a slot of the hottest GPU is
// swapped with one of the coldest that it gains most with, if that is more than 1 % of the mean.
//
// Any two GPUs swap once at most, so that a map is brought about with one transfer each way; the
// coldest GPU that has not swapped with the hottest yet is taken, and the next colder ones where
// it gains nothing. Experts that do not move stay in their slots.
#include <algorithm>
#include <numeric>
#include <set>

#include "sim/placement/slot_swaps.hpp"
#include "sim/placement/start_map.hpp"

namespace moesim {
namespace {

struct Swap {
  int hot_slot = -1, cold_slot = -1;
  double gain = 0;
};

// The swap between the two that lowers the larger of their loads most, without second copies.
Swap best_swap(const SlotSwaps& map, int hot, int cold) {
  const double hot_load = map.gpu_load()[static_cast<std::size_t>(hot)];
  const double cold_load = map.gpu_load()[static_cast<std::size_t>(cold)];
  Swap best;
  for (const int a : map.slots_of(hot))
    for (const int b : map.slots_of(cold)) {
      const double moved = map.load_of(a) - map.load_of(b);
      const double gain = hot_load - std::max(hot_load - moved, cold_load + moved);
      if (gain > best.gain && !map.doubles(a, hot, b, cold)) best = {a, b, gain};
    }
  return best;
}

class SwiftBalancer final : public PlacementPolicy {
 public:
  explicit SwiftBalancer(const Arguments& arguments)
      : start_(arguments),
        above_(arguments.number("above")),
        least_gain_(arguments.number("gain")),
        most_swaps_(arguments.integer("swaps")) {}
  WindowNeeds needs() const override { return start_.needs(); }

  Placement place(const PlacementRequest& request) const override {
    Placement placement = start_.of(request);
    for (const LayerId layer : placement.layers.ids()) {
      SlotSwaps map(placement.layers[layer], request.load.row(layer));
      if (improve(map)) placement.layers[layer] = map.map();
    }
    return placement;
  }

 private:
  // Whether anything was swapped.
  bool improve(SlotSwaps& map) const {
    const double mean =
        std::accumulate(map.gpu_load().begin(), map.gpu_load().end(), 0.0) / map.gpus();
    std::set<std::pair<int, int>> done;  // GPUs that have swapped
    int swaps = 0;
    while (swaps < most_swaps_) {
      const auto loads = map.gpu_load();
      const auto hottest = std::max_element(loads.begin(), loads.end());
      const int hot = static_cast<int>(hottest - loads.begin());
      if (*hottest <= above_ * mean || !swap_with_colder(map, hot, least_gain_ * mean, done)) break;
      ++swaps;
    }
    return swaps > 0;
  }

  static bool swap_with_colder(SlotSwaps& map, int hot, double least_gain,
                               std::set<std::pair<int, int>>& done) {
    std::vector<int> coldest(static_cast<std::size_t>(map.gpus()));
    std::iota(coldest.begin(), coldest.end(), 0);
    std::stable_sort(coldest.begin(), coldest.end(), [&](int a, int b) {
      return map.gpu_load()[static_cast<std::size_t>(a)] <
             map.gpu_load()[static_cast<std::size_t>(b)];
    });
    for (const int cold : coldest) {
      if (cold == hot || done.contains(std::minmax(hot, cold))) continue;
      const Swap swap = best_swap(map, hot, cold);
      if (swap.gain <= least_gain) continue;
      map.swap(swap.hot_slot, hot, swap.cold_slot, cold);
      done.insert(std::minmax(hot, cold));
      return true;
    }
    return false;
  }

  StartMap start_;
  double above_ = 1, least_gain_ = 0;
  int most_swaps_ = 0;
};

const Register<PlacementPolicy, SwiftBalancer> kSwiftBalancer{
    {.name = "swift_balancer",
     .summary = "few swaps of a map in use, between the hottest and the coldest GPUs",
     .source = "vllm-ascend, as in policies.md 3.6",
     .parameters = {start_parameter(),
                    {.name = "above",
                     .type = ParameterType::kNumber,
                     .doc = "largest GPU load over the mean that is let be",
                     .fallback = "1.01",
                     .minimum = 1},
                    {.name = "gain",
                     .type = ParameterType::kNumber,
                     .doc = "share of the mean load that a swap must gain more than",
                     .fallback = "0.01",
                     .minimum = 0,
                     .maximum = 1},
                    {.name = "swaps",
                     .type = ParameterType::kInteger,
                     .doc = "at most, in a layer",
                     .fallback = "100",
                     .minimum = 0}}}};

}  // namespace
}  // namespace moesim
