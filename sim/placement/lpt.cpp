// Longest processing time first (Graham, "Bounds on multiprocessing timing anomalies", 1969): slots
// by falling load, each to the GPU with the least load that has a free slot.
//
// Within 4/3 − 1/(3D) of the best largest load where the number of slots does not bind. Redundant
// slots go to the experts with the largest load per copy, as in EPLB. In double precision.
#include "sim/placement/packing.hpp"
#include "sim/placement/placement_policy.hpp"

namespace moesim {
namespace {

class Lpt final : public PlacementPolicy {
 public:
  explicit Lpt(const Arguments& arguments)
      : redundant_(arguments.integer("redundant")),
        distinct_gpus_(arguments.flag("distinct_gpus")) {}
  WindowNeeds needs() const override { return {}; }

  Placement place(const PlacementRequest& request) const override {
    const std::vector<int> first_slot =
        even_first_slots(request.experts() + redundant_, request.gpus);
    Placement placement{IdVector<LayerId, LayerPlacement>(request.load.rows())};
    for (const LayerId layer : placement.layers.ids())
      placement.layers[layer] = place_layer(request.load.row(layer), first_slot);
    return placement;
  }

 private:
  LayerPlacement place_layer(std::span<const double> load,
                             const std::vector<int>& first_slot) const {
    const std::vector<int> expert_of = replicate_experts<double>(load, first_slot.back());
    const std::vector<double> share = load_of_replicas<double>(load, expert_of);
    const std::span<const int> kinds = distinct_gpus_ ? expert_of : std::span<const int>{};
    const auto packed = pack_balanced<double>(share, slots_per_gpu(first_slot), kinds);
    return packed_layer(expert_of, packed, first_slot, static_cast<int>(load.size()));
  }

  int redundant_ = 0;
  bool distinct_gpus_ = false;
};

const Register<PlacementPolicy, Lpt> kLpt{
    {.name = "lpt",
     .summary = "slots by falling load, each to the GPU with the least load and a free slot",
     .source = "Graham 1969",
     .parameters = {distinct_gpus_parameter()}}};

}  // namespace
}  // namespace moesim
