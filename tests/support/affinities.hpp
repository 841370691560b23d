// Placements of several layers, and which experts go together, for tests.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/placements.hpp"

namespace moesim {

inline Placement placed_layers(const std::string& section, const PlacementRequest& request) {
  return plugin<PlacementPolicy>(section)->place(request);
}

inline double largest_load(const LayerPlacement& layer, std::span<const double> load) {
  const auto loads = predicted_gpu_load(layer, load);
  return *std::max_element(loads.begin(), loads.end());
}

// Experts of each GPU, ascending.
inline Gpus sorted_by_gpu(const LayerPlacement& layer) { return sorted(by_gpu(layer)); }

struct ExpertPair {
  int from = 0, to = 0;
  double tokens = 0;
};

// Tokens from one expert to another; in both directions if `symmetric`.
inline ExpertPairs expert_pairs(int experts, const std::vector<ExpertPair>& pairs, bool symmetric) {
  ExpertPairs matrix(experts, experts);
  for (const ExpertPair& pair : pairs) {
    matrix(ExpertId(pair.from), ExpertId(pair.to)) += pair.tokens;
    if (symmetric) matrix(ExpertId(pair.to), ExpertId(pair.from)) += pair.tokens;
  }
  return matrix;
}

}  // namespace moesim
