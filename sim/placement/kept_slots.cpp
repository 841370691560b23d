#include "sim/placement/kept_slots.hpp"

#include <algorithm>

namespace moesim {
namespace {

// For each slot of `next` from `first` to before `end`, where its expert goes.
void keep_on_gpu(const LayerPlacement& next, const LayerPlacement& present, int first, int end,
                 IdVector<SlotId, SlotId>& moved) {
  std::vector<bool> taken(static_cast<std::size_t>(end - first));
  for (int slot = first; slot < end; ++slot) {
    for (int old = first; old < end; ++old) {
      const auto at = static_cast<std::size_t>(old - first);
      if (taken[at] || present.expert_of[SlotId(old)] != next.expert_of[SlotId(slot)]) continue;
      taken[at] = true;
      moved[SlotId(slot)] = SlotId(old);
      break;
    }
  }
  auto free = taken.begin();
  for (int slot = first; slot < end; ++slot) {
    if (moved[SlotId(slot)].valid()) continue;
    free = std::find(free, taken.end(), false);
    moved[SlotId(slot)] = SlotId(first + static_cast<int>(free++ - taken.begin()));
  }
}

}  // namespace

LayerPlacement with_kept_slots(LayerPlacement next, const LayerPlacement& present) {
  MOESIM_CHECK(next.first_slot == present.first_slot, "slots do not move between GPUs");
  IdVector<SlotId, SlotId> moved(next.slots());
  for (std::size_t gpu = 0; gpu + 1 < next.first_slot.size(); ++gpu)
    keep_on_gpu(next, present, next.first_slot[gpu], next.first_slot[gpu + 1], moved);
  const IdVector<SlotId, ExpertId> expert_of = next.expert_of;
  for (const SlotId slot : moved.ids()) next.expert_of[moved[slot]] = expert_of[slot];
  for (auto& slots : next.slots_of)
    for (SlotId& slot : slots) slot = moved[slot];
  return next;
}

}  // namespace moesim
