// Experts in order: the first E div D (one more on the first E mod D GPUs) on GPU 0, and so on
// (vLLM, Megatron, DeepEP). Redundant slots hold experts 0, 1, … again (SGLang's and vLLM's
// "trivial" map).
#include "sim/placement/placement_policy.hpp"

namespace moesim {
namespace {

class Linear final : public PlacementPolicy {
 public:
  explicit Linear(const Arguments& arguments) : redundant_(arguments.integer("redundant")) {}
  WindowNeeds needs() const override { return {.load = false}; }

  Placement place(const PlacementRequest& request) const override {
    const int slots = request.experts() + redundant_;
    IdVector<SlotId, ExpertId> expert_of(slots);
    for (const SlotId slot : expert_of.ids())
      expert_of[slot] = ExpertId(slot.value % request.experts());
    const LayerPlacement layer = make_layer_placement(even_first_slots(slots, request.gpus),
                                                      std::move(expert_of), request.experts());
    return {.layers = IdVector<LayerId, LayerPlacement>(request.load.rows(), layer)};
  }

 private:
  int redundant_ = 0;
};

const Register<PlacementPolicy, Linear> kLinear{
    {.name = "linear",
     .summary = "experts in order over the GPUs; redundant slots repeat experts 0, 1, …",
     .source = "vLLM, Megatron-LM, SGLang 'trivial'"}};

}  // namespace
}  // namespace moesim
