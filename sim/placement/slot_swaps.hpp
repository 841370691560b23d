// A map under change: slots that swap their experts, for the placements that improve a given map.
#pragma once

#include <span>
#include <vector>

#include "sim/model/placement.hpp"

namespace moesim {

// One layer. Swaps keep the copies of each expert and the slots of each GPU.
class SlotSwaps {
 public:
  // `load` [experts], shared evenly by the copies.
  SlotSwaps(const LayerPlacement& start, std::span<const double> load);

  int gpus() const { return static_cast<int>(gpu_load_.size()); }
  std::span<const double> gpu_load() const { return gpu_load_; }
  std::span<const int> slots_of(int gpu) const {
    return std::span(slot_at_).subspan(
        static_cast<std::size_t>(first_slot_[at(gpu)]),
        static_cast<std::size_t>(first_slot_[at(gpu) + 1] - first_slot_[at(gpu)]));
  }
  double load_of(int slot) const { return share_[at(slot)]; }
  // Whether the swap would put a second copy of an expert on a GPU.
  bool doubles(int slot_a, int gpu_a, int slot_b, int gpu_b) const;
  // What is in `slot_a` on `gpu_a` goes to `slot_b` on `gpu_b`, and the other way round.
  void swap(int slot_a, int gpu_a, int slot_b, int gpu_b);

  LayerPlacement map() const;

 private:
  static std::size_t at(int i) { return static_cast<std::size_t>(i); }
  bool holds(int gpu, int expert, int but_slot) const;
  std::vector<int> first_slot_;
  std::vector<int> slot_at_;  // 0, 1, …: the slots of the GPUs, one after another
  std::vector<int> expert_;   // of each slot
  std::vector<double> share_;
  std::vector<double> gpu_load_;
  int experts_ = 0;
};

}  // namespace moesim
