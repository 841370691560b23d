// Local search: from a map, again and again the swap of two slots that leaves the lowest largest
// GPU load, and among those the lowest sum of squares, until no swap lowers either (policies.md
// 3.6).
//
// Swaps keep the copies of each expert, and the map keeps the slots of each GPU: every slot holds
// an expert, so there is no free one to move to.
#include <algorithm>
#include <array>

#include "sim/placement/slot_swaps.hpp"
#include "sim/placement/start_map.hpp"

namespace moesim {
namespace {

constexpr double kGain = 1e-9;  // of the mean load: less is rounding

struct Swap {
  int slot_a = -1, gpu_a = 0, slot_b = 0, gpu_b = 0;
  double largest = 0, squares = 0;  // after it; squares: the change
};

// The largest loads with their GPUs, to know the largest of all but two.
class Largest {
 public:
  explicit Largest(std::span<const double> load) : load_(load) {
    for (int gpu = 0; gpu < static_cast<int>(load.size()); ++gpu) {
      int seen = gpu;
      for (int& top : top_)
        if (seen >= 0 && (top < 0 || at(seen) > at(top))) std::swap(top, seen);
    }
  }
  double of_all() const { return at(top_[0]); }
  double but(int a, int b) const {
    for (const int gpu : top_)
      if (gpu >= 0 && gpu != a && gpu != b) return at(gpu);
    return 0;
  }

 private:
  double at(int gpu) const { return load_[static_cast<std::size_t>(gpu)]; }
  std::span<const double> load_;
  std::array<int, 3> top_{-1, -1, -1};
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
      SlotSwaps map(placement.layers[layer], request.load.row(layer));
      for (int swaps = 0; swaps < most_swaps_; ++swaps) {
        const Swap best = best_swap(map);
        if (best.slot_a < 0) break;
        map.swap(best.slot_a, best.gpu_a, best.slot_b, best.gpu_b);
      }
      placement.layers[layer] = map.map();
    }
    return placement;
  }

 private:
  // slot_a −1: none lowers anything.
  Swap best_swap(const SlotSwaps& map) const {
    const Largest largest(map.gpu_load());
    double mean = 0;
    for (const double load : map.gpu_load()) mean += load / map.gpus();
    const double gain = kGain * mean;
    Swap best{.largest = largest.of_all(), .squares = -gain * mean};
    for (int a = 0; a < map.gpus(); ++a)
      for (int b = a + 1; b < map.gpus(); ++b) consider(map, a, b, largest.but(a, b), gain, best);
    return best;
  }

  void consider(const SlotSwaps& map, int a, int b, double others, double gain, Swap& best) const {
    const double load_a = map.gpu_load()[static_cast<std::size_t>(a)];
    const double load_b = map.gpu_load()[static_cast<std::size_t>(b)];
    for (const int slot_a : map.slots_of(a))
      for (const int slot_b : map.slots_of(b)) {
        const double moved = map.load_of(slot_a) - map.load_of(slot_b);
        const double squares = 2 * moved * (moved - load_a + load_b);
        if (squares >= 0) continue;  // no swap that lowers the largest raises the squares
        const double largest = std::max({others, load_a - moved, load_b + moved});
        const bool lower = largest < best.largest - gain;
        const bool as_low = largest <= best.largest + gain && squares < best.squares - gain * gain;
        if (!lower && !as_low) continue;
        if (distinct_gpus_ && map.doubles(slot_a, a, slot_b, b)) continue;
        best = {slot_a, a, slot_b, b, largest, squares};
      }
  }

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
