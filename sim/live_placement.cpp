#include "sim/live_placement.hpp"

#include <algorithm>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

template <class T>
IdVector<GpuId, T> of_live(const IdVector<GpuId, T>& all, const std::vector<GpuId>& live) {
  IdVector<GpuId, T> some;
  if (!all.empty())
    for (const GpuId gpu : live) some.raw().push_back(all[gpu]);
  return some;
}

// Nodes with live GPUs; 1 where they have unequal numbers of them.
int live_nodes(const PlacementRequest& request, const std::vector<GpuId>& live) {
  const int size = std::max(1, request.gpus / request.nodes);
  std::vector<int> count(static_cast<std::size_t>(request.nodes) + 1);
  for (const GpuId gpu : live) ++count[static_cast<std::size_t>(gpu.value / size)];
  std::erase(count, 0);
  const bool even =
      std::all_of(count.begin(), count.end(), [&](int gpus) { return gpus == count.front(); });
  return even ? static_cast<int>(count.size()) : 1;
}

// The map in use without the dead; empty where an expert is then gone, or slots are other.
Placement present_on_live(const Placement& present, const std::vector<GpuId>& live, int slots) {
  Placement some;
  for (const LayerPlacement& layer : present.layers) {
    IdVector<SlotId, ExpertId> expert_of;
    std::vector<bool> held(static_cast<std::size_t>(layer.experts()));
    for (const GpuId gpu : live) {
      const int first = layer.first_slot[gpu.index()], end = layer.first_slot[gpu.index() + 1];
      if (end - first != slots) return {};
      for (int slot = first; slot < end; ++slot) {
        expert_of.raw().push_back(layer.expert_of[SlotId(slot)]);
        held[expert_of.raw().back().index()] = true;
      }
    }
    if (std::find(held.begin(), held.end(), false) != held.end()) return {};
    const int count = static_cast<int>(live.size());
    some.layers.raw().push_back(make_layer_placement(even_first_slots(count * slots, count),
                                                     std::move(expert_of), layer.experts()));
  }
  return some;
}

PlacementRequest request_on_live(const PlacementRequest& request, const std::vector<GpuId>& live) {
  PlacementRequest some = request;
  some.dead.clear();
  some.gpus = static_cast<int>(live.size());
  some.nodes = live_nodes(request, live);
  if (some.nodes == 1) some.groups = 1;
  some.speed = of_live(request.speed, live);
  some.expert_room = of_live(request.expert_room, live);
  if (request.distance)
    some.distance = [distance = request.distance, live](GpuId source, GpuId target) {
      return distance(live[source.index()], live[target.index()]);
    };
  for (SourceLoad& sources : some.detail.sources) {
    SourceLoad kept(live.size(), sources.columns());
    for (std::size_t i = 0; i < live.size(); ++i)
      std::copy(sources.row(live[i]).begin(), sources.row(live[i]).end(),
                kept.row(GpuId(i)).begin());
    sources = std::move(kept);
  }
  return some;
}

Choice with_redundant(const Choice& policy, int redundant) {
  YamlNode section = resolved_choice(PlacementPolicy::kRole, policy);
  section.spot = policy.spot;
  section.set("redundant",
              YamlNode::scalar(std::to_string(redundant), policy.arguments.spot("redundant")),
              policy.spot);
  Mistakes mistakes;
  Choice choice = read_choice(PlacementPolicy::kRole, section, mistakes);
  mistakes.throw_if_any();
  return choice;
}

// The same slots, on the numbers that the live GPUs have among all.
LayerPlacement among_all(LayerPlacement map, const std::vector<GpuId>& live, int gpus) {
  std::vector<int> first{0};
  std::size_t next = 0;
  for (const GpuId gpu : IdRange<GpuId>(gpus)) {
    const bool lives = next < live.size() && live[next] == gpu;
    const int slots = lives ? map.first_slot[next + 1] - map.first_slot[next] : 0;
    first.push_back(first.back() + slots);
    next += lives ? 1 : 0;
  }
  map.first_slot = std::move(first);
  for (const SlotId slot : map.gpu_of_slot.ids())
    map.gpu_of_slot[slot] = live[map.gpu_of_slot[slot].index()];
  return map;
}

// A map without the slots of the others, which hold none.
Placement among_some(const Placement& all, const std::vector<GpuId>& some) {
  Placement only;
  for (const LayerPlacement& layer : all.layers) {
    std::vector<int> first{0};
    for (const GpuId gpu : some)
      first.push_back(first.back() + layer.first_slot[gpu.index() + 1] -
                      layer.first_slot[gpu.index()]);
    MOESIM_CHECK(first.back() == layer.slots(), "GPUs without experts hold no slot");
    LayerPlacement map = make_layer_placement(std::move(first), layer.expert_of, layer.experts());
    map.slots_of = layer.slots_of;
    only.layers.raw().push_back(std::move(map));
  }
  return only;
}

class OnSomeGpus final : public PlacementPolicy {
 public:
  OnSomeGpus(std::unique_ptr<PlacementPolicy> policy, std::vector<GpuId> gpus)
      : policy_(std::move(policy)), gpus_(std::move(gpus)) {}

  WindowNeeds needs() const override { return policy_->needs(); }
  bool keeps_slots() const override { return policy_->keeps_slots(); }
  Placement place(const PlacementRequest& request) const override {
    PlacementRequest on_some = request_on_live(request, gpus_);
    Placement present;
    if (request.present != nullptr) present = among_some(*request.present, gpus_);
    on_some.present = request.present != nullptr ? &present : nullptr;
    Placement placement = policy_->place(on_some);
    for (LayerPlacement& layer : placement.layers)
      layer = among_all(std::move(layer), gpus_, request.gpus);
    return placement;
  }

 private:
  std::unique_ptr<PlacementPolicy> policy_;
  std::vector<GpuId> gpus_;
};

}  // namespace

std::unique_ptr<PlacementPolicy> placement_policy(const Choice& choice, const Grid& grid) {
  auto policy = Registry<PlacementPolicy>::make(choice);
  if (!grid.splits()) return policy;
  std::vector<GpuId> holders;
  for (const GpuId rank : IdRange<GpuId>(grid.ranks()))
    if (grid.parallel().holds_experts(rank)) holders.push_back(rank);
  return std::make_unique<OnSomeGpus>(std::move(policy), std::move(holders));
}

std::vector<int> even_first_slots(int slots, const Grid& grid) {
  std::vector<int> first = even_first_slots(slots, grid.parallel().ep);
  first.insert(first.begin(), static_cast<std::size_t>(grid.parallel().attention_gpus), 0);
  return first;
}

std::vector<GpuId> live_gpus(int gpus, const std::vector<GpuId>& dead) {
  std::vector<GpuId> live;
  for (const GpuId gpu : IdRange<GpuId>(gpus))
    if (std::find(dead.begin(), dead.end(), gpu) == dead.end()) live.push_back(gpu);
  return live;
}

int slots_of_live_gpu(const Placement& present, int experts, int live) {
  int slots = (experts + live - 1) / live;
  for (const LayerPlacement& layer : present.layers)
    for (std::size_t gpu = 0; gpu + 1 < layer.first_slot.size(); ++gpu)
      slots = std::max(slots, layer.first_slot[gpu + 1] - layer.first_slot[gpu]);
  return slots;
}

Placement place_on_live(const Choice& policy, const PlacementRequest& request,
                        const std::vector<GpuId>& dead, int slots) {
  const std::vector<GpuId> live = live_gpus(request.gpus, dead);
  const int all_slots = slots * static_cast<int>(live.size());
  MOESIM_CHECK(all_slots >= request.experts(), "the live GPUs have a slot for every expert");
  PlacementRequest on_live = request_on_live(request, live);
  Placement present;
  if (request.present != nullptr) present = present_on_live(*request.present, live, slots);
  on_live.present = present.layers.empty() ? nullptr : &present;
  const auto maps =
      Registry<PlacementPolicy>::make(with_redundant(policy, all_slots - request.experts()));
  Placement placement = maps->place(on_live);
  for (LayerPlacement& layer : placement.layers) {
    MOESIM_CHECK(layer.slots() == all_slots, "the policy fills the slots that it is told of");
    layer = among_all(std::move(layer), live, request.gpus);
  }
  return placement;
}

}  // namespace moesim
