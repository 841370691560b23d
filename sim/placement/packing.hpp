// Replicating experts and packing slots into GPUs: what the load-aware placements share.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "sim/base/parameter.hpp"
#include "sim/model/placement.hpp"

namespace moesim {

// Expert of each physical one, in the order they were made: the experts 0 .. n−1 themselves, then
// copies, each of the expert with the largest weight / count (the first of equals).
// `weight` [experts], `total` ≥ experts. After deepseek-ai/EPLB `replicate_experts`; Real is the
// precision in which weight / count is compared.
template <class Real>
std::vector<int> replicate_experts(std::span<const Real> weight, int total);

// Load of each physical expert: its expert's weight over the number of copies, in Real.
template <class Real>
std::vector<Real> load_of_replicas(std::span<const Real> weight, std::span<const int> expert_of);

// The items, heaviest first; equals by index.
template <class Real>
std::vector<int> heaviest_first(std::span<const Real> weight);

// Where an item of a packing went: its pack, and its place among the items of that pack.
struct Packed {
  int pack = 0;
  int rank = 0;
};

// Puts each item, heaviest first (equals by index), into the pack with the smallest sum that has
// room (the first of equals). `room` [packs] holds the items each pack takes, and sums to the
// number of items. If `kind` [items] is given, a pack that already holds an item of the same kind
// is taken only where no other has room. Sums are kept in Real. LPT; after EPLB `balanced_packing`.
template <class Real>
std::vector<Packed> pack_balanced(std::span<const Real> weight, std::span<const int> room,
                                  std::span<const int> kind = {});

// Likewise into packs that work at different speeds: each item into the pack with room that would
// be done with it first, argmin (sum + weight) / speed (the first of equals). The packs may have
// more room than there are items. In double.
std::vector<Packed> pack_by_time(std::span<const double> weight, std::span<const int> room,
                                 std::span<const double> speed, std::span<const int> kind = {});

// A layer from the experts of its physical ones and where they were packed; `gpus` as in `room`.
// Replicas of an expert are ordered as in `expert_of_physical`.
LayerPlacement packed_layer(std::span<const int> expert_of_physical, std::span<const Packed> packed,
                            std::vector<int> first_slot, int experts);

// `slots` slots of a layer where slot p holds expert p mod experts.
std::vector<int> repeated_experts(int slots, int experts);

// The flag that gives pack_balanced() a `kind`; `origin` begins its documentation.
Parameter distinct_gpus_parameter(const std::string& origin = "");

// Slots of each GPU, from first_slot.
std::vector<int> slots_per_gpu(std::span<const int> first_slot);

}  // namespace moesim
