// From a map, copies for hot experts in the slots of cold ones (after FlexMoE, from its
// description: Nie et al., SIGMOD 2023).
//
// A slot is a vExpert, an equal share of its expert's work. While the largest GPU load is above
// `threshold` times the mean, the change is made that lowers it most: Expand the hottest expert
// into a slot that Shrink takes from the coldest expert with several copies; where no slot of that
// helps, Migrate, a swap of a slot of the heaviest GPU. It ends where nothing helps. The modelled
// step time is the largest GPU load. Adjustments beside the steps are `rebalance.execution: async`.
#include <algorithm>
#include <vector>

#include "sim/placement/placement_policy.hpp"
#include "sim/placement/start_map.hpp"

namespace moesim {
namespace {

constexpr double kLeastGain = 1e-9;  // relative, for another change

class Scheduler {
 public:
  Scheduler(const LayerPlacement& start, std::span<const double> load)
      : layer_(start), load_(load), copies_(load.size()) {
    for (const ExpertId expert : layer_.expert_of) ++copies_[expert.index()];
  }

  LayerPlacement run(double threshold, int changes) {
    double sum = 0;
    for (const double value : load_) sum += value;
    const double enough = threshold * sum / layer_.gpus();
    for (int change = 0; change < changes; ++change) {
      const double now = largest_load();
      if (now <= enough || (!expand(now) && !migrate(now))) break;
    }
    return make_layer_placement(layer_.first_slot, layer_.expert_of, layer_.experts());
  }

 private:
  double share_of(ExpertId expert) const { return load_[expert.index()] / copies_[expert.index()]; }

  double load_on(GpuId gpu) const {
    double sum = 0;
    for (int slot = layer_.first_slot[gpu.index()]; slot < layer_.first_slot[gpu.index() + 1];
         ++slot)
      sum += share_of(layer_.expert_of[SlotId(slot)]);
    return sum;
  }

  GpuId heaviest() const {
    GpuId best(0);
    for (const GpuId gpu : IdRange<GpuId>(layer_.gpus()))
      if (load_on(gpu) > load_on(best)) best = gpu;
    return best;
  }

  double largest_load() const { return load_on(heaviest()); }

  bool holds(GpuId gpu, ExpertId expert) const {
    for (int slot = layer_.first_slot[gpu.index()]; slot < layer_.first_slot[gpu.index() + 1];
         ++slot)
      if (layer_.expert_of[SlotId(slot)] == expert) return true;
    return false;
  }

  void give(SlotId slot, ExpertId expert) {
    --copies_[layer_.expert_of[slot].index()];
    ++copies_[expert.index()];
    layer_.expert_of[slot] = expert;
  }

  // By load per copy.
  ExpertId hottest() const {
    ExpertId best(0);
    for (const ExpertId expert : layer_.slots_of.ids())
      if (share_of(expert) > share_of(best)) best = expert;
    return best;
  }

  // By load per copy when one is gone; none if no expert has two.
  ExpertId coldest() const {
    ExpertId best;
    double least = 0;
    for (const ExpertId expert : layer_.slots_of.ids()) {
      if (copies_[expert.index()] < 2) continue;
      const double left = load_[expert.index()] / (copies_[expert.index()] - 1);
      if (!best.valid() || left < least) best = expert, least = left;
    }
    return best;
  }

  // The slot of the coldest expert that the hottest had better have.
  bool expand(double now) {
    const ExpertId hot = hottest(), cold = coldest();
    if (!cold.valid() || hot == cold) return false;
    SlotId best;
    double least = now * (1 - kLeastGain);
    for (const SlotId slot : layer_.expert_of.ids()) {
      if (layer_.expert_of[slot] != cold || holds(layer_.gpu_of(slot), hot)) continue;
      give(slot, hot);
      if (const double then = largest_load(); then < least) best = slot, least = then;
      give(slot, cold);
    }
    if (best.valid()) give(best, hot);
    return best.valid();
  }

  // Only what leaves the heaviest GPU can help.
  bool migrate(double now) {
    const GpuId gpu = heaviest();
    SlotId first, second;
    double least = now * (1 - kLeastGain);
    for (const SlotId b : layer_.expert_of.ids())
      for (SlotId a(layer_.first_slot[gpu.index()]); a.value < layer_.first_slot[gpu.index() + 1];
           ++a) {
        if (!may_swap(a, b)) continue;
        std::swap(layer_.expert_of[a], layer_.expert_of[b]);
        if (const double then = largest_load(); then < least) first = a, second = b, least = then;
        std::swap(layer_.expert_of[a], layer_.expert_of[b]);
      }
    if (first.valid()) std::swap(layer_.expert_of[first], layer_.expert_of[second]);
    return first.valid();
  }

  // Copies of an expert stay apart.
  bool may_swap(SlotId a, SlotId b) const {
    const GpuId on_a = layer_.gpu_of(a), on_b = layer_.gpu_of(b);
    return on_a != on_b && !holds(on_b, layer_.expert_of[a]) && !holds(on_a, layer_.expert_of[b]);
  }

  LayerPlacement layer_;  // its expert_of is kept up to date
  std::span<const double> load_;
  std::vector<int> copies_;
};

class FlexMoe final : public PlacementPolicy {
 public:
  explicit FlexMoe(const Arguments& arguments)
      : start_(arguments),
        threshold_(arguments.number("threshold")),
        changes_(arguments.integer("changes")) {}
  WindowNeeds needs() const override { return start_.needs(); }

  Placement place(const PlacementRequest& request) const override {
    Placement placement = start_.of(request);
    for (const LayerId layer : placement.layers.ids())
      placement.layers[layer] =
          Scheduler(placement.layers[layer], request.load.row(layer)).run(threshold_, changes_);
    return placement;
  }

 private:
  StartMap start_;
  double threshold_ = 1;
  int changes_ = 0;
};

const Register<PlacementPolicy, FlexMoe> kFlexMoe{
    {.name = "flexmoe",
     .summary = "from a map, slots of cold experts go to hot ones, and slots swap",
     .source = "after the paper (FlexMoE, SIGMOD 2023)",
     .parameters = {start_parameter(),
                    {.name = "threshold",
                     .type = ParameterType::kNumber,
                     .doc = "largest over mean GPU load up to which nothing is changed",
                     .fallback = "1.1",
                     .minimum = 1},
                    {.name = "changes",
                     .type = ParameterType::kInteger,
                     .doc = "in a layer, at most",
                     .fallback = "100",
                     .minimum = 1}}}};

}  // namespace
}  // namespace moesim
