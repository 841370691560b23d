// Placements for tests.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "sim/placement/placement_policy.hpp"
#include "tests/support/plugin.hpp"

namespace moesim {

// Of each slot.
inline std::vector<int> experts_of(const LayerPlacement& layer) {
  std::vector<int> experts;
  for (const ExpertId expert : layer.expert_of) experts.push_back(expert.value);
  return experts;
}

// Experts of each GPU, in the order of its slots.
using Gpus = std::vector<std::vector<int>>;

inline Gpus by_gpu(const LayerPlacement& layer) {
  Gpus gpus(static_cast<std::size_t>(layer.gpus()));
  for (const SlotId slot : layer.expert_of.ids())
    gpus[layer.gpu_of(slot).index()].push_back(layer.expert_of[slot].value);
  return gpus;
}

// Likewise in ascending order, where slots do not matter.
inline Gpus sorted(Gpus gpus) {
  for (auto& experts : gpus) std::sort(experts.begin(), experts.end());
  return gpus;
}

// [layers][experts].
inline ExpertLoad load_of(const std::vector<std::vector<double>>& rows) {
  ExpertLoad load(rows.size(), rows.front().size());
  for (const LayerId layer : load.row_ids())
    std::copy(rows[layer.index()].begin(), rows[layer.index()].end(), load.row(layer).begin());
  return load;
}

// The map of the first layer.
inline LayerPlacement placed(const std::string& section, const PlacementRequest& request) {
  return plugin<PlacementPolicy>(section)->place(request).layers[LayerId(0)];
}

inline std::vector<double> gpu_load(const LayerPlacement& layer, const std::vector<double>& load) {
  return predicted_gpu_load(layer, load).raw();
}

// What the policy says that it cannot do.
inline std::string refusal(const std::string& section, const PlacementRequest& request) {
  try {
    plugin<PlacementPolicy>(section)->place(request);
  } catch (const InputError& error) {
    return error.mistakes().front().message;
  }
  return "nothing is refused";
}

}  // namespace moesim
