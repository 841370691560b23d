#include "sim/placement/slot_swaps.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace moesim {

SlotSwaps::SlotSwaps(const LayerPlacement& start, std::span<const double> load)
    : first_slot_(start.first_slot),
      slot_at_(static_cast<std::size_t>(start.slots())),
      gpu_load_(static_cast<std::size_t>(start.gpus())),
      experts_(start.experts()) {
  std::iota(slot_at_.begin(), slot_at_.end(), 0);
  for (const SlotId slot : start.expert_of.ids()) {
    const ExpertId expert = start.expert_of[slot];
    expert_.push_back(expert.value);
    share_.push_back(load[expert.index()] / static_cast<double>(start.slots_of[expert].size()));
    gpu_load_[start.gpu_of(slot).index()] += share_.back();
  }
}

bool SlotSwaps::holds(int gpu, int expert, int but_slot) const {
  for (const int slot : slots_of(gpu))
    if (slot != but_slot && expert_[at(slot)] == expert) return true;
  return false;
}

bool SlotSwaps::doubles(int slot_a, int gpu_a, int slot_b, int gpu_b) const {
  return holds(gpu_b, expert_[at(slot_a)], slot_b) || holds(gpu_a, expert_[at(slot_b)], slot_a);
}

void SlotSwaps::swap(int slot_a, int gpu_a, int slot_b, int gpu_b) {
  const double moved = share_[at(slot_a)] - share_[at(slot_b)];
  gpu_load_[at(gpu_a)] -= moved;
  gpu_load_[at(gpu_b)] += moved;
  std::swap(expert_[at(slot_a)], expert_[at(slot_b)]);
  std::swap(share_[at(slot_a)], share_[at(slot_b)]);
}

LayerPlacement SlotSwaps::map() const {
  IdVector<SlotId, ExpertId> expert_of;
  for (const int expert : expert_) expert_of.raw().emplace_back(expert);
  return make_layer_placement(first_slot_, std::move(expert_of), experts_);
}

}  // namespace moesim
