// Local search: from a map, again and again the swap of two slots that leaves the lowest largest
// GPU load, and among those the lowest sum of squares, until no swap lowers either (policies.md
// 3.6).
//
// Swaps keep the copies of each expert, and the map keeps the slots of each GPU: every slot holds
// an expert, so there is no free one to move to.
#include <algorithm>
#include <numeric>
#include <optional>
#include <vector>

#include "sim/placement/slot_swaps.hpp"
#include "sim/placement/start_map.hpp"

namespace moesim {
namespace {

constexpr double kGain = 1e-9;  // of the mean load: less is rounding

struct Swap {
  int slot_a = -1, gpu_a = 0, slot_b = 0, gpu_b = 0;
  double largest = 0, squares = 0;  // after it: of the two GPUs; the change of the sum
  bool none() const { return slot_a < 0; }
};

// One layer. A swap that lowers the squares brings the two loads closer together, so it never
// raises the largest load, and lowers it only where one of the two has it.
class MoveSearch {
 public:
  MoveSearch(const LayerPlacement& start, std::span<const double> load, bool distinct_gpus)
      : map_(start, load),
        distinct_gpus_(distinct_gpus),
        pairs_(static_cast<std::size_t>(map_.gpus() * map_.gpus())) {
    const auto loads = map_.gpu_load();
    const double mean = std::accumulate(loads.begin(), loads.end(), 0.0) / map_.gpus();
    gain_ = kGain * mean;
    squares_gain_ = kGain * mean * mean;
  }

  // Whether there was a swap to make.
  bool step() {
    Swap best = best_of_largest();
    if (best.none()) best = best_of_squares();
    if (best.none()) return false;
    map_.swap(best.slot_a, best.gpu_a, best.slot_b, best.gpu_b);
    for (int gpu = 0; gpu < map_.gpus(); ++gpu)
      for (const int changed : {best.gpu_a, best.gpu_b})
        pair(gpu, changed).reset(), pair(changed, gpu).reset();
    return true;
  }
  LayerPlacement map() const { return map_.map(); }

 private:
  std::optional<Swap>& pair(int a, int b) {
    return pairs_[static_cast<std::size_t>(a * map_.gpus() + b)];
  }
  double load(int gpu) const { return map_.gpu_load()[static_cast<std::size_t>(gpu)]; }

  // Calls `take` with every swap between the two that lowers the squares.
  template <class Take>
  void for_each_swap(int a, int b, Take take) const {
    for (const int slot_a : map_.slots_of(a))
      for (const int slot_b : map_.slots_of(b)) {
        const double moved = map_.load_of(slot_a) - map_.load_of(slot_b);
        const double squares = 2 * moved * (moved - load(a) + load(b));
        if (squares >= -squares_gain_) continue;
        if (distinct_gpus_ && map_.doubles(slot_a, a, slot_b, b)) continue;
        take(Swap{slot_a, a, slot_b, b, std::max(load(a) - moved, load(b) + moved), squares});
      }
  }

  // The swap that leaves the lowest largest load, if it gets lower; of equals the lowest squares.
  Swap best_of_largest() const {
    std::vector<int> hottest(static_cast<std::size_t>(map_.gpus()));
    std::iota(hottest.begin(), hottest.end(), 0);
    const std::size_t top = std::min<std::size_t>(3, hottest.size());
    std::partial_sort(hottest.begin(), hottest.begin() + static_cast<std::ptrdiff_t>(top),
                      hottest.end(), [&](int a, int b) { return load(a) > load(b); });
    Swap best{.largest = load(hottest[0])};
    for (int other = 0; other < map_.gpus(); ++other) {
      if (other == hottest[0]) continue;
      double others = 0;  // of all but the two
      for (std::size_t i = 1; i < top; ++i)
        if (hottest[i] != other) {
          others = load(hottest[i]);
          break;
        }
      for_each_swap(hottest[0], other, [&](Swap swap) {
        swap.largest = std::max(swap.largest, others);
        const bool lower = swap.largest < best.largest - gain_;
        const bool as_low = !best.none() && swap.largest <= best.largest + gain_ &&
                            swap.squares < best.squares - squares_gain_;
        if (lower || as_low) best = swap;
      });
    }
    return best;
  }

  Swap best_of_squares() {
    Swap best;
    for (int a = 0; a < map_.gpus(); ++a)
      for (int b = a + 1; b < map_.gpus(); ++b) {
        std::optional<Swap>& known = pair(a, b);
        if (!known) {
          known.emplace();
          for_each_swap(a, b, [&](const Swap& swap) {
            if (swap.squares < known->squares) known = swap;
          });
        }
        if (known->squares < best.squares) best = *known;
      }
    return best;
  }

  SlotSwaps map_;
  bool distinct_gpus_ = false;
  std::vector<std::optional<Swap>> pairs_;  // [gpus × gpus], the best for the squares where known
  double gain_ = 0, squares_gain_ = 0;
};

class LocalSearch final : public PlacementPolicy {
 public:
  explicit LocalSearch(const Arguments& arguments)
      : start_(arguments),
        distinct_gpus_(arguments.flag("distinct_gpus")),
        most_swaps_(arguments.integer("swaps")) {}
  WindowNeeds needs() const override { return start_.needs(); }

  Placement place(const PlacementRequest& request) const override {
    Placement placement = start_.of(request);
    for (const LayerId layer : placement.layers.ids()) {
      MoveSearch search(placement.layers[layer], request.load.row(layer), distinct_gpus_);
      int swaps = 0;
      while (swaps < most_swaps_ && search.step()) ++swaps;
      if (swaps > 0) placement.layers[layer] = search.map();
    }
    return placement;
  }

 private:
  StartMap start_;
  bool distinct_gpus_ = false;
  int most_swaps_ = 0;
};

const Register<PlacementPolicy, LocalSearch> kLocalSearch{
    {.name = "local_search",
     .summary = "swaps slots of a map while that lowers the largest GPU load, then the squares",
     .source = "ours, policies.md 3.6",
     .parameters = {start_parameter(),
                    {.name = "swaps",
                     .type = ParameterType::kInteger,
                     .doc = "at most, in a layer",
                     .fallback = "1000",
                     .minimum = 0},
                    {.name = "distinct_gpus",
                     .type = ParameterType::kFlag,
                     .doc = "no swap that puts two copies of an expert on one GPU",
                     .fallback = "false"}}}};

}  // namespace
}  // namespace moesim
