// Expert e on GPU min(e·D div E, D − 1): LLMServingSim's owner of an expert. Where the experts do
// not divide, the GPUs with one more are spread over all, not the first ones as in `linear`.
#include <fmt/format.h>

#include <algorithm>

#include "sim/placement/placement_policy.hpp"

namespace moesim {
namespace {

class OwnerFloor final : public PlacementPolicy {
 public:
  explicit OwnerFloor(const Arguments& arguments) : spot_(arguments.spot("redundant")) {
    if (arguments.integer("redundant") > 0)
      throw InputError(spot_, "owner_floor gives an expert one owner: it has no redundant slots",
                       "linear, eplb and others have them");
  }
  WindowNeeds needs() const override { return {.load = false}; }

  Placement place(const PlacementRequest& request) const override {
    const int experts = request.experts(), gpus = request.gpus;
    std::vector<int> first_slot(static_cast<std::size_t>(gpus) + 1);
    IdVector<SlotId, ExpertId> expert_of(experts);
    for (int e = 0; e < experts; ++e) {
      const int owner = std::min(e * gpus / experts, gpus - 1);
      expert_of[SlotId(e)] = ExpertId(e);
      ++first_slot[static_cast<std::size_t>(owner) + 1];
    }
    for (std::size_t gpu = 0; gpu < first_slot.size() - 1; ++gpu)
      first_slot[gpu + 1] += first_slot[gpu];
    const LayerPlacement layer =
        make_layer_placement(std::move(first_slot), std::move(expert_of), experts);
    return {.layers = IdVector<LayerId, LayerPlacement>(request.load.rows(), layer)};
  }

 private:
  Spot spot_;
};

const Register<PlacementPolicy, OwnerFloor> kOwnerFloor{
    {.name = "owner_floor",
     .summary = "expert e on GPU e · GPUs div experts; no redundant slots",
     .source = "casys-kaist/LLMServingSim@5daddb21"}};

}  // namespace
}  // namespace moesim
