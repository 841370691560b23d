// LPT on GPUs of unequal speed: copies by falling load, each to the GPU with a free slot that would
// be done with it first, argmin (load + w) / speed; the lowest among equals.
//
// Balance is then one of time, load / speed. No map is done before Σ load / Σ speed.
#include <algorithm>

#include "sim/placement/gpu_speeds.hpp"
#include "sim/placement/packing.hpp"

namespace moesim {
namespace {

class HeteroLpt final : public PlacementPolicy {
 public:
  explicit HeteroLpt(const Arguments& arguments)
      : arguments_(arguments),
        redundant_(arguments.integer("redundant")),
        distinct_gpus_(arguments.flag("distinct_gpus")) {}
  WindowNeeds needs() const override { return {}; }

  Placement place(const PlacementRequest& request) const override {
    const std::vector<double> speed = speeds_of(arguments_, request);
    const std::vector<int> first_slot =
        even_first_slots(request.experts() + redundant_, request.gpus);
    Placement placement{IdVector<LayerId, LayerPlacement>(request.load.rows())};
    for (const LayerId layer : placement.layers.ids()) {
      const auto load = request.load.row(layer);
      const std::vector<int> expert_of = replicate_experts<double>(load, first_slot.back());
      const std::vector<double> share = load_of_replicas<double>(load, expert_of);
      const std::span<const int> kinds = distinct_gpus_ ? expert_of : std::span<const int>{};
      const auto packed = pack_by_time(share, slots_per_gpu(first_slot), speed, kinds);
      placement.layers[layer] =
          packed_layer(expert_of, packed, first_slot, static_cast<int>(load.size()));
    }
    return placement;
  }

 private:
  Arguments arguments_;
  int redundant_ = 0;
  bool distinct_gpus_ = false;
};

const Register<PlacementPolicy, HeteroLpt> kHeteroLpt{
    {.name = "hetero_lpt",
     .summary = "lpt on unequal GPUs: each copy where it would be done first",
     .source = "ours, policies.md 3.8",
     .parameters = {speeds_parameter(), distinct_gpus_parameter()}}};

}  // namespace
}  // namespace moesim
