#include "sim/model/placement.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/model/imbalance.hpp"

namespace moesim {

Placement only_layers(const Placement& placement, std::span<const LayerId> layers) {
  Placement some;
  for (const LayerId layer : layers) some.layers.raw().push_back(placement.layers[layer]);
  return some;
}

LayerPlacement make_layer_placement(std::vector<int> first_slot,
                                    IdVector<SlotId, ExpertId> expert_of, int experts) {
  MOESIM_CHECK(!first_slot.empty() && first_slot.front() == 0 &&
                   first_slot.back() == static_cast<int>(expert_of.size()),
               "the slots of the GPUs are exactly the slots of the layer");
  LayerPlacement layer;
  layer.first_slot = std::move(first_slot);
  layer.expert_of = std::move(expert_of);
  layer.slots_of = IdVector<ExpertId, std::vector<SlotId>>(experts);
  layer.gpu_of_slot = IdVector<SlotId, GpuId>(layer.slots());
  for (int gpu = 0; gpu < layer.gpus(); ++gpu) {
    const auto g = static_cast<std::size_t>(gpu);
    for (int slot = layer.first_slot[g]; slot < layer.first_slot[g + 1]; ++slot)
      layer.gpu_of_slot[SlotId(slot)] = GpuId(gpu);
  }
  for (const SlotId slot : layer.expert_of.ids()) {
    const ExpertId expert = layer.expert_of[slot];
    MOESIM_CHECK(expert.valid() && expert.value < experts, "a slot holds an expert of the layer");
    layer.slots_of[expert].push_back(slot);
  }
  for (const ExpertId expert : layer.slots_of.ids())
    MOESIM_CHECK(!layer.slots_of[expert].empty(),
                 fmt::format("expert {} has a slot", expert.value));
  return layer;
}

std::vector<int> even_first_slots(int slots, int gpus) {
  std::vector<int> first{0};
  for (int gpu = 0; gpu < gpus; ++gpu)
    first.push_back(first.back() + slots / gpus + (gpu < slots % gpus ? 1 : 0));
  return first;
}

IdVector<GpuId, double> predicted_gpu_load(const LayerPlacement& placement,
                                           std::span<const double> load) {
  IdVector<GpuId, double> sum(placement.gpus());
  // By the copies, not by what the slots hold: a dead GPU's slots have no copy of what they name.
  for (const ExpertId expert : placement.slots_of.ids()) {
    const auto& copies = placement.slots_of[expert];
    for (const SlotId slot : copies)
      sum[placement.gpu_of(slot)] += load[expert.index()] / static_cast<double>(copies.size());
  }
  return sum;
}

double predicted_max_over_mean(const Placement& placement, const ExpertLoad& load,
                               GpuId first_holder, std::span<const GpuId> dead) {
  double sum = 0;
  for (const LayerId layer : placement.layers.ids()) {
    const auto all = predicted_gpu_load(placement.layers[layer], load.row(layer));
    std::vector<double> holders;
    for (const GpuId gpu : all.ids())
      if (gpu >= first_holder && std::ranges::find(dead, gpu) == dead.end())
        holders.push_back(all[gpu]);
    sum += max_over_mean(holders);
  }
  return sum / static_cast<double>(placement.layers.size());
}

}  // namespace moesim
