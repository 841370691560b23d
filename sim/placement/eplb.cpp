// EPLB, DeepSeek's expert-parallel load balancer (deepseek-ai/EPLB@d52c72d5, eplb.py).
//
// Experts in groups: groups are packed into nodes, experts are replicated inside their node, and
// the replicas are packed into the node's GPUs (hierarchical policy). Where the groups do not
// divide over the nodes, everything is one group on one node (global policy). All decisions are
// made in float32 with stable sorts, as the original does on integer loads.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "sim/placement/packing.hpp"
#include "sim/placement/placement_policy.hpp"

namespace moesim {
namespace {

struct Shape {
  int experts = 0, slots = 0, gpus = 0;
  int groups = 1, nodes = 1;  // 1 and 1 for the global policy
};

// Experts in the order in which the nodes hold them: [experts], experts / nodes of them a node.
std::vector<int> experts_by_node(std::span<const float> weight, const Shape& shape) {
  const int group_size = shape.experts / shape.groups;
  std::vector<float> group_weight(static_cast<std::size_t>(shape.groups));
  for (int e = 0; e < shape.experts; ++e)
    group_weight[static_cast<std::size_t>(e / group_size)] += weight[static_cast<std::size_t>(e)];
  const int groups_per_node = shape.groups / shape.nodes;
  const std::vector<int> room(static_cast<std::size_t>(shape.nodes), groups_per_node);
  const auto packed = pack_balanced<float>(group_weight, room);
  std::vector<int> order(weight.size());
  for (int group = 0; group < shape.groups; ++group) {
    const Packed& at = packed[static_cast<std::size_t>(group)];
    for (int i = 0; i < group_size; ++i) {
      const int position = (at.pack * groups_per_node + at.rank) * group_size + i;
      order[static_cast<std::size_t>(position)] = group * group_size + i;
    }
  }
  return order;
}

// One node's share of the layer: experts of the physical ones in the order of creation, and the GPU
// (over the cluster) and place that each was packed to.
struct Physical {
  std::vector<int> expert_of;
  std::vector<Packed> packed;
};

class Eplb final : public PlacementPolicy {
 public:
  explicit Eplb(const Arguments& arguments)
      : redundant_(arguments.integer("redundant")),
        always_global_(arguments.text("policy") == "global"),
        trivial_without_load_(arguments.text("zero_load") == "trivial"),
        distinct_gpus_(arguments.flag("distinct_gpus")),
        spot_(arguments.spot("redundant")) {}

  WindowNeeds needs() const override { return {}; }

  Placement place(const PlacementRequest& request) const override {
    const Shape shape = shape_of(request);
    Placement placement{IdVector<LayerId, LayerPlacement>(request.load.rows())};
    for (const LayerId layer : placement.layers.ids()) {
      const auto load = request.load.row(layer);
      const std::vector<float> weight(load.begin(), load.end());
      placement.layers[layer] = place_layer(weight, shape);
    }
    return placement;
  }

 private:
  Shape shape_of(const PlacementRequest& request) const {
    Shape shape{.experts = request.experts(),
                .slots = request.experts() + redundant_,
                .gpus = request.gpus};
    if (shape.slots % shape.gpus != 0) {
      const int more = redundant_ + shape.gpus - shape.slots % shape.gpus;
      throw InputError(spot_,
                       fmt::format("EPLB needs the same number of slots on every GPU: {} experts + "
                                   "{} redundant do not divide over {} GPUs",
                                   shape.experts, redundant_, shape.gpus),
                       fmt::format("redundant: {} would", more));
    }
    const bool hierarchical = !always_global_ && request.groups % request.nodes == 0 &&
                              request.gpus % request.nodes == 0 &&
                              request.experts() % request.groups == 0;
    if (hierarchical) shape.groups = request.groups, shape.nodes = request.nodes;
    return shape;
  }

  LayerPlacement place_layer(const std::vector<float>& weight, const Shape& shape) const {
    std::vector<int> first_slot = even_first_slots(shape.slots, shape.gpus);
    const bool loaded = std::any_of(weight.begin(), weight.end(), [](float w) { return w > 0; });
    if (!loaded && trivial_without_load_) {
      IdVector<SlotId, ExpertId> expert_of;
      for (const int expert : repeated_experts(shape.slots, shape.experts))
        expert_of.raw().emplace_back(expert);
      return make_layer_placement(std::move(first_slot), std::move(expert_of), shape.experts);
    }
    const std::vector<int> order = experts_by_node(weight, shape);
    Physical all;
    for (int node = 0; node < shape.nodes; ++node) place_on_node(node, weight, order, shape, all);
    return packed_layer(all.expert_of, all.packed, std::move(first_slot), shape.experts);
  }

  void place_on_node(int node, std::span<const float> weight, std::span<const int> order,
                     const Shape& shape, Physical& all) const {
    const auto experts = static_cast<std::size_t>(shape.experts / shape.nodes);
    const auto own = order.subspan(static_cast<std::size_t>(node) * experts, experts);
    std::vector<float> own_weight;
    for (const int e : own) own_weight.push_back(weight[static_cast<std::size_t>(e)]);
    const std::vector<int> replicas =
        replicate_experts<float>(own_weight, shape.slots / shape.nodes);
    const std::vector<float> share = load_of_replicas<float>(own_weight, replicas);
    const int gpus = shape.gpus / shape.nodes;
    const std::vector<int> room(static_cast<std::size_t>(gpus), shape.slots / shape.gpus);
    std::vector<Packed> packed =
        pack_balanced<float>(share, room, distinct_gpus_ ? replicas : std::span<const int>{});
    for (std::size_t i = 0; i < replicas.size(); ++i) {
      all.expert_of.push_back(own[static_cast<std::size_t>(replicas[i])]);
      all.packed.push_back({.pack = node * gpus + packed[i].pack, .rank = packed[i].rank});
    }
  }

  int redundant_ = 0;
  bool always_global_ = false;
  bool trivial_without_load_ = false;
  bool distinct_gpus_ = false;
  Spot spot_;
};

const Register<PlacementPolicy, Eplb> kEplb{
    {.name = "eplb",
     .summary = "DeepSeek's balancer: groups to nodes, replicas of hot experts, packing into GPUs",
     .source = "deepseek-ai/EPLB@d52c72d5",
     .parameters = {
         {.name = "policy",
          .type = ParameterType::kChoice,
          .doc = "auto: hierarchical where the expert groups divide over the nodes, else global",
          .fallback = "auto",
          .choices = {"auto", "global"}},
         {.name = "zero_load",
          .type = ParameterType::kChoice,
          .doc = "layers without load: as EPLB (all copies of a node's first expert), or the "
                 "trivial map",
          .fallback = "eplb",
          .choices = {"eplb", "trivial"}},
         {.name = "distinct_gpus",
          .type = ParameterType::kFlag,
          .doc = "ours: no two copies of an expert on one GPU where that can be avoided",
          .fallback = "false"}}}};

}  // namespace
}  // namespace moesim
