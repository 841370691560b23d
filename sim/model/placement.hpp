// A placement: which expert each slot of each GPU holds.
#pragma once

#include <span>
#include <vector>

#include "sim/base/ids.hpp"

namespace moesim {

// Tokens (or an expected number) that go to each expert: [layers × experts].
using ExpertLoad = IdMatrix<LayerId, ExpertId, double>;

// One layer. Slots are numbered GPU by GPU.
struct LayerPlacement {
  std::vector<int> first_slot;  // [gpus + 1]
  // phy2log. Slots of a dead GPU name an expert, too, but are no copy of it.
  IdVector<SlotId, ExpertId> expert_of;
  IdVector<ExpertId, std::vector<SlotId>> slots_of;  // log2phy, in the order of replica creation

  int gpus() const { return static_cast<int>(first_slot.size()) - 1; }
  int slots() const { return static_cast<int>(expert_of.size()); }
  int experts() const { return static_cast<int>(slots_of.size()); }
  GpuId gpu_of(SlotId slot) const { return gpu_of_slot[slot]; }
  IdVector<SlotId, GpuId> gpu_of_slot;
};

struct Placement {
  IdVector<LayerId, LayerPlacement> layers;
};

// Its `layers` only.
Placement only_layers(const Placement& placement, std::span<const LayerId> layers);

// Builds a layer from its slots (the same number, or given numbers, on each GPU). Replicas are
// ordered by slot. An expert without a slot is a bug.
LayerPlacement make_layer_placement(std::vector<int> first_slot,
                                    IdVector<SlotId, ExpertId> expert_of, int experts);

// `slots` dealt evenly over `gpus`; the first slots % gpus GPUs get one more. [gpus + 1]
std::vector<int> even_first_slots(int slots, int gpus);

// Load of each GPU if every expert's load is split evenly over its replicas. `load` [experts].
IdVector<GpuId, double> predicted_gpu_load(const LayerPlacement& placement,
                                           std::span<const double> load);

// Max/mean of it, over the GPUs from `first_holder` on (Grid::first_holder) but for the dead, the
// mean of all layers.
double predicted_max_over_mean(const Placement& placement, const ExpertLoad& load,
                               GpuId first_holder, std::span<const GpuId> dead = {});

}  // namespace moesim
