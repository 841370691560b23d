// EPLB, DeepSeek's expert-parallel load balancer (deepseek-ai/EPLB@d52c72d5, eplb.py).
//
// Experts in groups: groups are packed into nodes, experts are replicated inside their node, and
// the replicas are packed into the node's GPUs (hierarchical policy). Where the groups do not
// divide over the nodes, everything is one group on one node (global policy). All decisions are
// made in float32 with stable sorts, as the original does on integer loads. vLLM's port keeps its
// sums in float64, and leaves experts that stay on a GPU in their slots
// (vllm/distributed/eplb/policy).
#include <algorithm>

#include "sim/placement/eplb_layer.hpp"
#include "sim/placement/kept_slots.hpp"
#include "sim/placement/packing.hpp"

namespace moesim {
namespace {

class Eplb final : public PlacementPolicy {
 public:
  explicit Eplb(const Arguments& arguments)
      : redundant_(arguments.integer("redundant")),
        always_global_(arguments.text("policy") == "global"),
        trivial_without_load_(arguments.text("zero_load") == "trivial"),
        distinct_gpus_(arguments.flag("distinct_gpus")),
        in_double_(arguments.text("precision") == "f64"),
        keeps_slots_(arguments.flag("keep_slots")),
        spot_(arguments.spot("redundant")) {}

  WindowNeeds needs() const override { return {}; }

  Placement place(const PlacementRequest& request) const override {
    const EplbShape shape = eplb_shape(request, redundant_, always_global_, spot_);
    Placement placement{IdVector<LayerId, LayerPlacement>(request.load.rows())};
    for (const LayerId layer : placement.layers.ids()) {
      LayerPlacement map = place_layer(request.load.row(layer), shape);
      if (keeps_slots_ && request.present != nullptr)
        map = with_kept_slots(std::move(map), request.present->layers[layer]);
      placement.layers[layer] = std::move(map);
    }
    return placement;
  }

 private:
  LayerPlacement place_layer(std::span<const double> load, const EplbShape& shape) const {
    const bool loaded = std::any_of(load.begin(), load.end(), [](double w) { return w > 0; });
    if (!loaded && trivial_without_load_) {
      IdVector<SlotId, ExpertId> expert_of;
      for (const int expert : repeated_experts(shape.slots, shape.experts))
        expert_of.raw().emplace_back(expert);
      return make_layer_placement(even_first_slots(shape.slots, shape.gpus), std::move(expert_of),
                                  shape.experts);
    }
    if (in_double_) return eplb_layer<double>(load, shape, distinct_gpus_);
    const std::vector<float> weight(load.begin(), load.end());
    return eplb_layer<float>(weight, shape, distinct_gpus_);
  }

  int redundant_ = 0;
  bool always_global_ = false;
  bool trivial_without_load_ = false;
  bool distinct_gpus_ = false;
  bool in_double_ = false;
  bool keeps_slots_ = false;
  Spot spot_;
};

const Register<PlacementPolicy, Eplb> kEplb{
    {.name = "eplb",
     .summary = "DeepSeek's balancer: groups to nodes, replicas of hot experts, packing into GPUs",
     .source = "deepseek-ai/EPLB@d52c72d5; SGLang 'deepseek', 'auto'; vLLM",
     .parameters = {
         eplb_policy_parameter(),
         {.name = "zero_load",
          .type = ParameterType::kChoice,
          .doc = "layers without load: as EPLB (all copies of a node's first expert), or the "
                 "trivial map",
          .fallback = "eplb",
          .choices = {"eplb", "trivial"}},
         distinct_gpus_parameter("ours: "),
         {.name = "precision",
          .type = ParameterType::kChoice,
          .doc = "of all decisions: f32 as DeepSeek and SGLang, f64 as vLLM's sums",
          .fallback = "f32",
          .choices = {"f32", "f64"}},
         {.name = "keep_slots",
          .type = ParameterType::kFlag,
          .doc = "vLLM's preserve_intragpu_slots: experts that stay on their GPU stay in their "
                 "slots, where the present map is known",
          .fallback = "false"}}}};

}  // namespace
}  // namespace moesim
