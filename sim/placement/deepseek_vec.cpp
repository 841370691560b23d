// SGLang's deepseek_vec (srt/eplb/eplb_algorithms/deepseek_vec.py): EPLB for the loads of several
// steps, not for their sum.
//
// Experts are grouped into nodes as in EPLB. Each redundant slot of a node goes to the expert with
// which the largest load of a copy, summed over the steps, gets smallest. The slots then go over
// the node's GPUs in a snake, by falling load over all steps. In float32; a small slope over the
// experts tells equal loads apart, as in the original.
#include <algorithm>
#include <numeric>

#include "sim/placement/eplb_layer.hpp"
#include "sim/placement/packing.hpp"

namespace moesim {
namespace {

constexpr float kSlope = 1e-4F;

// One layer: loads of each step in the order in which the nodes hold the experts.
struct Steps {
  std::vector<std::vector<float>> weight;  // [steps][experts]
  int first = 0, count = 0;                // experts of the node in question
};

// Position of the largest load per copy among the node's experts, and the largest of the others.
struct Largest {
  int at = 0;
  float value = 0, next = 0;
};

Largest largest_share(std::span<const float> weight, std::span<const float> copies,
                      const Steps& steps) {
  Largest largest{.at = -1};
  for (int i = steps.first; i < steps.first + steps.count; ++i) {
    const auto e = static_cast<std::size_t>(i);
    const float share = (weight[e] + static_cast<float>(i) * kSlope) / copies[e];
    if (largest.at < 0 || share > largest.value) {
      largest = {.at = i, .value = share, .next = largest.at < 0 ? 0 : largest.value};
    } else {
      largest.next = std::max(largest.next, share);
    }
  }
  return largest;
}

// The expert of the node that the next slot helps most.
int best_to_copy(const Steps& steps, std::span<const float> copies) {
  std::vector<float> sum(static_cast<std::size_t>(steps.count));
  for (const std::vector<float>& weight : steps.weight) {
    const Largest largest = largest_share(weight, copies, steps);
    const auto at = static_cast<std::size_t>(largest.at);
    const float relieved = std::max(largest.next, weight[at] / (copies[at] + 1));
    for (int i = 0; i < steps.count; ++i)
      sum[static_cast<std::size_t>(i)] += steps.first + i == largest.at ? relieved : largest.value;
  }
  return steps.first + static_cast<int>(std::min_element(sum.begin(), sum.end()) - sum.begin());
}

// What comes next of the order: the first whose expert the GPU has not, or the first. `kind` as in
// pack_balanced; empty: the first.
std::vector<int>::iterator next_for(std::span<const int> on_gpu, std::vector<int>& order,
                                    std::span<const int> kind) {
  if (kind.empty()) return order.begin();
  const auto is_new = [&](int item) {
    return std::none_of(on_gpu.begin(), on_gpu.end(), [&](int other) {
      return kind[static_cast<std::size_t>(other)] == kind[static_cast<std::size_t>(item)];
    });
  };
  const auto found = std::find_if(order.begin(), order.end(), is_new);
  return found == order.end() ? order.begin() : found;
}

// Slots of the node, in the order of the map: the physical experts, each by its place in creation.
// `share` is the load of each. With `kind` no GPU gets two of a kind where that can be avoided.
std::vector<int> snake(std::span<const float> share, int gpus, std::span<const int> kind) {
  const int slots = static_cast<int>(share.size()), each = slots / gpus;
  std::vector<int> order(share.size());
  std::iota(order.begin(), order.end(), 0);
  if (each == 1) return order;
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return share[static_cast<std::size_t>(a)] > share[static_cast<std::size_t>(b)];
  });
  std::vector<int> map(share.size());
  for (int i = 0; i < slots; ++i) {
    const int row = i / gpus, column = i % gpus;
    const int gpu = row % 2 == 0 ? column : gpus - 1 - column;
    const auto first = static_cast<std::size_t>(gpu * each);
    const std::span<const int> on_gpu(map.data() + first, static_cast<std::size_t>(row));
    const auto next = next_for(on_gpu, order, kind);
    map[first + static_cast<std::size_t>(row)] = *next;
    order.erase(next);
  }
  return map;
}

// Positions (in the nodes' order) of the physical experts of a node, in the order of creation.
std::vector<int> replicate(const Steps& steps, int slots, std::vector<float>& copies) {
  std::vector<int> physical(static_cast<std::size_t>(steps.count));
  std::iota(physical.begin(), physical.end(), steps.first);
  while (static_cast<int>(physical.size()) < slots) {
    const int at = best_to_copy(steps, copies);
    physical.push_back(at);
    ++copies[static_cast<std::size_t>(at)];
  }
  return physical;
}

// The map of a layer while its nodes are filled, one after another.
struct Map {
  IdVector<SlotId, ExpertId> expert_of;
  std::vector<std::pair<int, SlotId>> created;  // place in creation over all nodes, and its slot
};

// Replicates and deals the experts of one node; `order` names the experts by their positions.
void fill_node(int node, const Steps& steps, std::span<const float> total,
               std::span<const int> order, const EplbShape& shape, std::vector<float>& copies,
               bool distinct_gpus, Map& map) {
  const int node_slots = shape.slots / shape.nodes;
  const std::vector<int> physical = replicate(steps, node_slots, copies);
  std::vector<float> share;
  for (const int at : physical) {
    const auto e = static_cast<std::size_t>(order[static_cast<std::size_t>(at)]);
    share.push_back(total[e] / copies[static_cast<std::size_t>(at)]);
  }
  const std::vector<int> dealt =
      snake(share, shape.gpus / shape.nodes,
            distinct_gpus ? std::span<const int>(physical) : std::span<const int>{});
  for (int i = 0; i < node_slots; ++i) {
    const int place = dealt[static_cast<std::size_t>(i)];
    const SlotId slot(node * node_slots + i);
    const auto at = static_cast<std::size_t>(physical[static_cast<std::size_t>(place)]);
    map.expert_of[slot] = ExpertId(order[at]);
    map.created.emplace_back(node * node_slots + place, slot);
  }
}

LayerPlacement place_layer(const std::vector<std::vector<float>>& weight, const EplbShape& shape,
                           bool distinct_gpus) {
  std::vector<float> total(static_cast<std::size_t>(shape.experts));
  for (const auto& step : weight)
    for (std::size_t e = 0; e < total.size(); ++e) total[e] += step[e];
  const std::vector<int> order = experts_by_node<float>(total, shape);
  Steps steps{.count = shape.experts / shape.nodes};
  for (const auto& step : weight) {
    std::vector<float>& ordered = steps.weight.emplace_back();
    for (const int e : order) ordered.push_back(step[static_cast<std::size_t>(e)]);
  }
  std::vector<float> copies(total.size(), 1);
  Map map{.expert_of = IdVector<SlotId, ExpertId>(shape.slots)};
  for (int node = 0; node < shape.nodes; ++node) {
    steps.first = node * steps.count;
    fill_node(node, steps, total, order, shape, copies, distinct_gpus, map);
  }
  LayerPlacement layer = make_layer_placement(even_first_slots(shape.slots, shape.gpus),
                                              std::move(map.expert_of), shape.experts);
  std::sort(map.created.begin(), map.created.end());
  for (auto& slots : layer.slots_of) slots.clear();
  for (const auto& [place, slot] : map.created)
    layer.slots_of[layer.expert_of[slot]].push_back(slot);
  return layer;
}

class DeepSeekVec final : public PlacementPolicy {
 public:
  explicit DeepSeekVec(const Arguments& arguments)
      : redundant_(arguments.integer("redundant")),
        steps_(arguments.integer("steps")),
        always_global_(arguments.text("policy") == "global"),
        distinct_gpus_(arguments.flag("distinct_gpus")),
        spot_(arguments.section()),
        redundant_spot_(arguments.spot("redundant")) {}

  WindowNeeds needs() const override { return {.steps = steps_}; }

  Placement place(const PlacementRequest& request) const override {
    require_known(!request.detail.steps.empty(), "the load of single steps", spot_,
                  "deepseek_vec places for several steps; eplb places for their sum");
    const EplbShape shape = eplb_shape(request, redundant_, always_global_, redundant_spot_);
    Placement placement{IdVector<LayerId, LayerPlacement>(request.load.rows())};
    for (const LayerId layer : placement.layers.ids()) {
      std::vector<std::vector<float>> weight;
      for (const ExpertLoad& step : request.detail.steps) {
        const auto row = step.row(layer);
        weight.emplace_back(row.begin(), row.end());
      }
      placement.layers[layer] = place_layer(weight, shape, distinct_gpus_);
    }
    return placement;
  }

 private:
  int redundant_ = 0, steps_ = 0;
  bool always_global_ = false, distinct_gpus_ = false;
  Spot spot_, redundant_spot_;
};

const Register<PlacementPolicy, DeepSeekVec> kDeepSeekVec{
    {.name = "deepseek_vec",
     .summary =
         "SGLang's EPLB for several steps: copies that lower the sum of their maxima, a snake",
     .source = "sgl-project/sglang eplb_algorithms/deepseek_vec.py",
     .parameters = {eplb_policy_parameter(),
                    distinct_gpus_parameter("ours: "),
                    {.name = "steps",
                     .type = ParameterType::kInteger,
                     .doc = "steps that are looked at, the last of the window",
                     .fallback = "8",
                     .minimum = 1}}}};

}  // namespace
}  // namespace moesim
