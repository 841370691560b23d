// A random permutation of the slots of each layer; redundant slots repeat experts 0, 1, ….
#include "sim/placement/packing.hpp"
#include "sim/placement/placement_policy.hpp"

namespace moesim {
namespace {

class RandomPlacement final : public PlacementPolicy {
 public:
  explicit RandomPlacement(const Arguments& arguments)
      : redundant_(arguments.integer("redundant")) {}
  WindowNeeds needs() const override { return {.load = false}; }

  Placement place(const PlacementRequest& request) const override {
    const int slots = request.experts() + redundant_;
    const std::vector<int> first_slot = even_first_slots(slots, request.gpus);
    Placement placement{IdVector<LayerId, LayerPlacement>(request.load.rows())};
    for (const LayerId layer : placement.layers.ids()) {
      std::vector<int> experts = repeated_experts(slots, request.experts());
      Rng rng = request.random.stream(Purpose::kPlacement, layer.value);
      for (std::size_t i = experts.size(); i > 1; --i)
        std::swap(experts[i - 1],
                  experts[static_cast<std::size_t>(rng.below(static_cast<int>(i)))]);
      IdVector<SlotId, ExpertId> expert_of;
      for (const int expert : experts) expert_of.raw().emplace_back(expert);
      placement.layers[layer] =
          make_layer_placement(first_slot, std::move(expert_of), request.experts());
    }
    return placement;
  }

 private:
  int redundant_ = 0;
};

const Register<PlacementPolicy, RandomPlacement> kRandom{
    {.name = "random", .summary = "slots shuffled over the GPUs, layer by layer"}};

}  // namespace
}  // namespace moesim
