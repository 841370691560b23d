// Grouping experts that the same tokens use, and copies for slots that are left: what the affinity
// placements share.
#pragma once

#include <span>
#include <vector>

#include "sim/placement/placement_policy.hpp"
#include "sim/solve/matrix.hpp"

namespace moesim {

// Tokens of each pair of some experts, [experts of `among`]².
Matrix pair_matrix(const ExpertPairs& pairs, std::span<const int> among);

// The GPU of each expert, [experts], so that as many tokens as can be find pairs of their experts
// on one node, and then on one GPU: METIS, then swaps of pairs, for each. `sizes` [gpus] are the
// experts of each GPU; the GPUs are split over `nodes` where they divide.
std::vector<int> cluster_experts(const ExpertPairs& pairs, std::span<const int> sizes, int nodes);

// Likewise for a layer of a request, one slot for each expert dealt evenly over its GPUs.
std::vector<int> cluster_experts(const PlacementRequest& request, LayerId layer);

// Throws InputError at `spot` where pairs are not known.
void require_pairs(const PlacementRequest& request, const Spot& spot);

// Swaps experts of the GPU with the most load for lighter ones of others until no GPU has more than
// `most`, or no swap lowers its load without raising another's as far. Each time the swap is made
// that parts the fewest tokens' pairs for the load that it takes away. `load` [experts].
void limit_load(const ExpertPairs& pairs, std::span<const double> load, double most,
                std::vector<int>& gpu_of);

// A layer under way: every expert has a slot, and copies are added to those that are free.
class CopyMap {
 public:
  // `gpu_of` [experts], `slots` [gpus], `load` [experts].
  CopyMap(std::span<const int> gpu_of, std::vector<int> slots, std::span<const double> load);

  int gpus() const { return static_cast<int>(slots_.size()); }
  bool has_room(int gpu) const;
  bool full() const { return free_ == 0; }
  bool holds(int gpu, int expert) const;
  // Of the copies on a GPU, each expert's load shared evenly by its copies.
  double load_on(int gpu) const;
  double share_of(int expert) const;
  const std::vector<int>& experts_on(int gpu) const;
  // The GPU with the least load (the first of equals) that has room and does not hold the expert;
  // −1 = none.
  int lightest_without(int expert) const;
  // Likewise, whether it holds the expert or not.
  int lightest_with_room() const;
  void add(int expert, int gpu);
  LayerPlacement layer() const;

 private:
  std::vector<int> slots_;
  std::vector<std::vector<int>> held_;  // experts, [gpus]
  std::vector<double> load_;            // of each expert
  std::vector<int> copies_;             // of each expert
  int free_ = 0;
};

}  // namespace moesim
