// SGLang's elasticity_aware (srt/eplb/eplb_algorithms): EPLB over the GPUs that are alive.
//
// With dead GPUs, the global policy places for the live ones, in as many slots as they have; the
// slots of dead GPUs hold expert 0 in the map, as in the original, and no copy of it is there. With
// all GPUs alive this is EPLB.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sim/placement/eplb_layer.hpp"
#include "sim/placement/packing.hpp"

namespace moesim {
namespace {

// The map of the live GPUs among all of `gpus`.
LayerPlacement with_dead_gpus(const LayerPlacement& live, const std::vector<bool>& dead) {
  const int each = live.first_slot[1];
  const int gpus = static_cast<int>(dead.size());
  std::vector<SlotId> moved(static_cast<std::size_t>(live.slots()));
  IdVector<SlotId, ExpertId> expert_of(gpus * each, ExpertId(0));
  int from = 0;
  for (int slot = 0; slot < gpus * each; ++slot) {
    if (dead[static_cast<std::size_t>(slot / each)]) continue;
    expert_of[SlotId(slot)] = live.expert_of[SlotId(from)];
    moved[static_cast<std::size_t>(from++)] = SlotId(slot);
  }
  LayerPlacement layer = make_layer_placement(even_first_slots(gpus * each, gpus),
                                              std::move(expert_of), live.experts());
  layer.slots_of = live.slots_of;
  for (auto& slots : layer.slots_of)
    for (SlotId& slot : slots) slot = moved[slot.index()];
  return layer;
}

class ElasticityAware final : public PlacementPolicy {
 public:
  explicit ElasticityAware(const Arguments& arguments)
      : redundant_(arguments.integer("redundant")),
        distinct_gpus_(arguments.flag("distinct_gpus")),
        spot_(arguments.spot("redundant")) {
    if (!arguments.given("dead")) return;
    dead_spot_ = arguments.spot("dead");
    for (const double gpu : arguments.numbers("dead")) {
      if (gpu < 0 || gpu != std::floor(gpu))
        throw InputError(dead_spot_, fmt::format("{} is not the number of a GPU", gpu));
      dead_.emplace_back(static_cast<int>(gpu));
    }
  }
  WindowNeeds needs() const override { return {}; }

  Placement place(const PlacementRequest& request) const override {
    const std::vector<bool> dead = dead_of(request);
    const auto lost = static_cast<int>(std::count(dead.begin(), dead.end(), true));
    EplbShape shape = eplb_shape(request, redundant_, lost > 0, spot_);
    const int all_slots = shape.slots;
    if (lost > 0) {
      shape.gpus -= lost;
      shape.slots = all_slots / request.gpus * shape.gpus;
      check_room(shape, all_slots);
    }
    Placement placement{IdVector<LayerId, LayerPlacement>(request.load.rows())};
    for (const LayerId layer : placement.layers.ids()) {
      const auto load = request.load.row(layer);
      const std::vector<float> weight(load.begin(), load.end());
      LayerPlacement live = eplb_layer<float>(weight, shape, distinct_gpus_);
      placement.layers[layer] = lost > 0 ? with_dead_gpus(live, dead) : std::move(live);
    }
    return placement;
  }

 private:
  std::vector<bool> dead_of(const PlacementRequest& request) const {
    std::vector<bool> dead(static_cast<std::size_t>(request.gpus));
    for (const std::vector<GpuId>* list : {&dead_, &request.dead})
      for (const GpuId gpu : *list) {
        if (gpu.value >= request.gpus)
          throw InputError(dead_spot_, fmt::format("there is no GPU {}: the GPUs are 0 to {}",
                                                   gpu.value, request.gpus - 1));
        dead[gpu.index()] = true;
      }
    return dead;
  }

  void check_room(const EplbShape& shape, int all_slots) const {
    if (shape.slots >= shape.experts) return;
    throw InputError(spot_,
                     fmt::format("{} experts do not fit into the {} slots of the {} GPUs that are "
                                 "alive",
                                 shape.experts, shape.slots, shape.gpus),
                     fmt::format("redundant: more than {}, so that the live GPUs have a slot for "
                                 "each expert",
                                 all_slots - shape.experts));
  }

  int redundant_ = 0;
  bool distinct_gpus_ = false;
  std::vector<GpuId> dead_;
  Spot spot_, dead_spot_;
};

const Register<PlacementPolicy, ElasticityAware> kElasticityAware{
    {.name = "elasticity_aware",
     .summary = "EPLB over the GPUs that are alive; dead ones hold nothing",
     .source = "sgl-project/sglang eplb_algorithms",
     .parameters = {{.name = "dead",
                     .type = ParameterType::kNumbers,
                     .doc = "numbers of the dead GPUs (default: those that events have failed)"},
                    distinct_gpus_parameter("ours: ")}}};

}  // namespace
}  // namespace moesim
