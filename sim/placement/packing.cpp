#include "sim/placement/packing.hpp"

#include <algorithm>
#include <numeric>

namespace moesim {
namespace {

template <class Real>
struct Pack {
  Real sum = 0;
  int room = 0;
  int items = 0;
  std::vector<int> kinds;
  bool holds(int kind) const { return std::find(kinds.begin(), kinds.end(), kind) != kinds.end(); }
};

// The pack with room and the smallest sum; −1 = none. `kind` −1 = any pack will do.
template <class Real>
int lightest_pack(const std::vector<Pack<Real>>& packs, int kind) {
  int best = -1;
  for (std::size_t i = 0; i < packs.size(); ++i) {
    if (packs[i].items == packs[i].room || (kind >= 0 && packs[i].holds(kind))) continue;
    if (best < 0 || packs[i].sum < packs[static_cast<std::size_t>(best)].sum)
      best = static_cast<int>(i);
  }
  return best;
}

// The pack with room that is done first; −1 = none. `kind` as above.
int soonest_pack(const std::vector<Pack<double>>& packs, std::span<const double> speed,
                 double weight, int kind) {
  int best = -1;
  double soonest = 0;
  for (std::size_t i = 0; i < packs.size(); ++i) {
    if (packs[i].items == packs[i].room || (kind >= 0 && packs[i].holds(kind))) continue;
    const double done = (packs[i].sum + weight) / speed[i];
    if (best < 0 || done < soonest) best = static_cast<int>(i), soonest = done;
  }
  return best;
}

}  // namespace

template <class Real>
std::vector<int> heaviest_first(std::span<const Real> weight) {
  std::vector<int> order(weight.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return weight[static_cast<std::size_t>(a)] > weight[static_cast<std::size_t>(b)];
  });
  return order;
}

template <class Real>
std::vector<int> replicate_experts(std::span<const Real> weight, int total) {
  const int experts = static_cast<int>(weight.size());
  MOESIM_CHECK(total >= experts, "every expert has a slot");
  std::vector<int> expert_of(static_cast<std::size_t>(experts));
  std::iota(expert_of.begin(), expert_of.end(), 0);
  std::vector<int> count(weight.size(), 1);
  std::vector<Real> share(weight.begin(), weight.end());
  while (static_cast<int>(expert_of.size()) < total) {
    const auto heaviest = std::max_element(share.begin(), share.end());
    const auto e = static_cast<std::size_t>(heaviest - share.begin());
    expert_of.push_back(static_cast<int>(e));
    share[e] = weight[e] / static_cast<Real>(++count[e]);
  }
  return expert_of;
}

template <class Real>
std::vector<Real> load_of_replicas(std::span<const Real> weight, std::span<const int> expert_of) {
  std::vector<int> copies(weight.size());
  for (const int expert : expert_of) ++copies[static_cast<std::size_t>(expert)];
  std::vector<Real> load;
  for (const int expert : expert_of) {
    const auto e = static_cast<std::size_t>(expert);
    load.push_back(weight[e] / static_cast<Real>(copies[e]));
  }
  return load;
}

template <class Real>
std::vector<Packed> pack_balanced(std::span<const Real> weight, std::span<const int> room,
                                  std::span<const int> kind) {
  std::vector<Pack<Real>> packs(room.size());
  for (std::size_t i = 0; i < room.size(); ++i) packs[i].room = room[i];
  std::vector<Packed> packed(weight.size());
  // With one item a pack, EPLB leaves the items in their order.
  if (std::all_of(room.begin(), room.end(), [](int r) { return r == 1; })) {
    for (std::size_t i = 0; i < packed.size(); ++i) packed[i].pack = static_cast<int>(i);
    return packed;
  }
  for (const int item : heaviest_first(weight)) {
    const auto i = static_cast<std::size_t>(item);
    int best = lightest_pack(packs, kind.empty() ? -1 : kind[i]);
    if (best < 0) best = lightest_pack(packs, -1);
    MOESIM_CHECK(best >= 0, "the packs have room for all items");
    Pack<Real>& pack = packs[static_cast<std::size_t>(best)];
    packed[i] = {.pack = best, .rank = pack.items++};
    pack.sum += weight[i];
    if (!kind.empty()) pack.kinds.push_back(kind[i]);
  }
  return packed;
}

std::vector<Packed> pack_by_time(std::span<const double> weight, std::span<const int> room,
                                 std::span<const double> speed, std::span<const int> kind) {
  std::vector<Pack<double>> packs(room.size());
  for (std::size_t i = 0; i < room.size(); ++i) packs[i].room = room[i];
  std::vector<Packed> packed(weight.size());
  for (const int item : heaviest_first(weight)) {
    const auto i = static_cast<std::size_t>(item);
    int best = soonest_pack(packs, speed, weight[i], kind.empty() ? -1 : kind[i]);
    if (best < 0) best = soonest_pack(packs, speed, weight[i], -1);
    MOESIM_CHECK(best >= 0, "the packs have room for all items");
    Pack<double>& pack = packs[static_cast<std::size_t>(best)];
    packed[i] = {.pack = best, .rank = pack.items++};
    pack.sum += weight[i];
    if (!kind.empty()) pack.kinds.push_back(kind[i]);
  }
  return packed;
}

LayerPlacement packed_layer(std::span<const int> expert_of_physical, std::span<const Packed> packed,
                            std::vector<int> first_slot, int experts) {
  IdVector<SlotId, ExpertId> expert_of(packed.size());
  std::vector<SlotId> slot_of(packed.size());
  for (std::size_t i = 0; i < packed.size(); ++i) {
    slot_of[i] = SlotId(first_slot[static_cast<std::size_t>(packed[i].pack)] + packed[i].rank);
    expert_of[slot_of[i]] = ExpertId(expert_of_physical[i]);
  }
  LayerPlacement layer = make_layer_placement(std::move(first_slot), std::move(expert_of), experts);
  for (auto& slots : layer.slots_of) slots.clear();
  for (std::size_t i = 0; i < packed.size(); ++i)
    layer.slots_of[ExpertId(expert_of_physical[i])].push_back(slot_of[i]);
  return layer;
}

std::vector<int> repeated_experts(int slots, int experts) {
  std::vector<int> expert_of(static_cast<std::size_t>(slots));
  for (int slot = 0; slot < slots; ++slot)
    expert_of[static_cast<std::size_t>(slot)] = slot % experts;
  return expert_of;
}

std::vector<int> slots_per_gpu(std::span<const int> first_slot) {
  std::vector<int> count;
  for (std::size_t gpu = 0; gpu + 1 < first_slot.size(); ++gpu)
    count.push_back(first_slot[gpu + 1] - first_slot[gpu]);
  return count;
}

template std::vector<int> heaviest_first<float>(std::span<const float>);
template std::vector<int> heaviest_first<double>(std::span<const double>);
template std::vector<int> replicate_experts<float>(std::span<const float>, int);
template std::vector<int> replicate_experts<double>(std::span<const double>, int);
template std::vector<float> load_of_replicas<float>(std::span<const float>, std::span<const int>);
template std::vector<double> load_of_replicas<double>(std::span<const double>,
                                                      std::span<const int>);
template std::vector<Packed> pack_balanced<float>(std::span<const float>, std::span<const int>,
                                                  std::span<const int>);
template std::vector<Packed> pack_balanced<double>(std::span<const double>, std::span<const int>,
                                                   std::span<const int>);

Parameter distinct_gpus_parameter(const std::string& origin) {
  return {.name = "distinct_gpus",
          .type = ParameterType::kFlag,
          .doc = origin + "no two copies of an expert on one GPU where that can be avoided",
          .fallback = "false"};
}

}  // namespace moesim
