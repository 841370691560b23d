#include "sim/placement/eplb_layer.hpp"

#include <fmt/format.h>

#include "sim/placement/packing.hpp"

namespace moesim {
namespace {

// Physical experts of all nodes so far, in the order of creation, and the GPU (over the cluster)
// and place that each was packed to.
struct Physical {
  std::vector<int> expert_of;
  std::vector<Packed> packed;
};

template <class Real>
void place_on_node(int node, std::span<const Real> weight, std::span<const int> order,
                   const EplbShape& shape, bool distinct_gpus, Physical& all) {
  const auto experts = static_cast<std::size_t>(shape.experts / shape.nodes);
  const auto own = order.subspan(static_cast<std::size_t>(node) * experts, experts);
  std::vector<Real> own_weight;
  for (const int e : own) own_weight.push_back(weight[static_cast<std::size_t>(e)]);
  const std::vector<int> replicas = replicate_experts<Real>(own_weight, shape.slots / shape.nodes);
  const std::vector<Real> share = load_of_replicas<Real>(own_weight, replicas);
  const int gpus = shape.gpus / shape.nodes;
  const std::vector<int> room(static_cast<std::size_t>(gpus), shape.slots / shape.gpus);
  const std::vector<Packed> packed =
      pack_balanced<Real>(share, room, distinct_gpus ? replicas : std::span<const int>{});
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    all.expert_of.push_back(own[static_cast<std::size_t>(replicas[i])]);
    all.packed.push_back({.pack = node * gpus + packed[i].pack, .rank = packed[i].rank});
  }
}

}  // namespace

EplbShape eplb_shape(const PlacementRequest& request, int redundant, bool always_global,
                     const Spot& spot) {
  EplbShape shape{
      .experts = request.experts(), .slots = request.experts() + redundant, .gpus = request.gpus};
  if (shape.slots % shape.gpus != 0) {
    const int more = redundant + shape.gpus - shape.slots % shape.gpus;
    throw InputError(spot,
                     fmt::format("EPLB needs the same number of slots on every GPU: {} experts + "
                                 "{} redundant do not divide over {} GPUs",
                                 shape.experts, redundant, shape.gpus),
                     fmt::format("redundant: {} would", more));
  }
  const bool hierarchical = !always_global && request.groups % request.nodes == 0 &&
                            request.gpus % request.nodes == 0 &&
                            request.experts() % request.groups == 0;
  if (hierarchical) shape.groups = request.groups, shape.nodes = request.nodes;
  return shape;
}

template <class Real>
std::vector<int> experts_by_node(std::span<const Real> weight, const EplbShape& shape) {
  const int group_size = shape.experts / shape.groups;
  std::vector<Real> group_weight(static_cast<std::size_t>(shape.groups));
  for (int e = 0; e < shape.experts; ++e)
    group_weight[static_cast<std::size_t>(e / group_size)] += weight[static_cast<std::size_t>(e)];
  const int groups_per_node = shape.groups / shape.nodes;
  const std::vector<int> room(static_cast<std::size_t>(shape.nodes), groups_per_node);
  const auto packed = pack_balanced<Real>(group_weight, room);
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

template <class Real>
LayerPlacement eplb_layer(std::span<const Real> weight, const EplbShape& shape,
                          bool distinct_gpus) {
  const std::vector<int> order = experts_by_node<Real>(weight, shape);
  Physical all;
  for (int node = 0; node < shape.nodes; ++node)
    place_on_node<Real>(node, weight, order, shape, distinct_gpus, all);
  return packed_layer(all.expert_of, all.packed, even_first_slots(shape.slots, shape.gpus),
                      shape.experts);
}

template std::vector<int> experts_by_node<float>(std::span<const float>, const EplbShape&);
template std::vector<int> experts_by_node<double>(std::span<const double>, const EplbShape&);
template LayerPlacement eplb_layer<float>(std::span<const float>, const EplbShape&, bool);
template LayerPlacement eplb_layer<double>(std::span<const double>, const EplbShape&, bool);

Parameter eplb_policy_parameter() {
  return {.name = "policy",
          .type = ParameterType::kChoice,
          .doc = "auto: hierarchical where the expert groups divide over the nodes, else global",
          .fallback = "auto",
          .choices = {"auto", "global"}};
}

}  // namespace moesim
