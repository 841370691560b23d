#include "sim/placement/affinity.hpp"

#include <algorithm>
#include <numeric>

#include "sim/base/check.hpp"
#include "sim/solve/graph_partition.hpp"

namespace moesim {
namespace {

// Splits some experts into parts of these sizes.
std::vector<std::vector<int>> split(const ExpertPairs& pairs, std::span<const int> experts,
                                    std::span<const int> sizes) {
  const Matrix weight = pair_matrix(pairs, experts);
  std::vector<int> part = partition_graph(weight, sizes);
  swap_pairs(weight, part);
  std::vector<std::vector<int>> parts(sizes.size());
  for (std::size_t i = 0; i < experts.size(); ++i)
    parts[static_cast<std::size_t>(part[i])].push_back(experts[i]);
  return parts;
}

}  // namespace

Matrix pair_matrix(const ExpertPairs& pairs, std::span<const int> among) {
  Matrix matrix(among.size(), among.size());
  for (std::size_t i = 0; i < among.size(); ++i)
    for (std::size_t j = 0; j < among.size(); ++j)
      matrix(i, j) = pairs(ExpertId(among[i]), ExpertId(among[j]));
  return matrix;
}

std::vector<int> cluster_experts(const ExpertPairs& pairs, std::span<const int> sizes, int nodes) {
  const int gpus = static_cast<int>(sizes.size());
  const int node_count = gpus % nodes == 0 ? nodes : 1;
  const auto per_node = static_cast<std::size_t>(gpus / node_count);
  std::vector<int> node_sizes;
  for (std::size_t first = 0; first < sizes.size(); first += per_node)
    node_sizes.push_back(
        std::accumulate(sizes.begin() + static_cast<std::ptrdiff_t>(first),
                        sizes.begin() + static_cast<std::ptrdiff_t>(first + per_node), 0));
  std::vector<int> all(pairs.rows());
  std::iota(all.begin(), all.end(), 0);
  const auto on_node = split(pairs, all, node_sizes);
  std::vector<int> gpu_of(all.size());
  for (std::size_t node = 0; node < on_node.size(); ++node) {
    const auto on_gpu = split(pairs, on_node[node], sizes.subspan(node * per_node, per_node));
    for (std::size_t gpu = 0; gpu < per_node; ++gpu)
      for (const int expert : on_gpu[gpu])
        gpu_of[static_cast<std::size_t>(expert)] = static_cast<int>(node * per_node + gpu);
  }
  return gpu_of;
}

CopyMap::CopyMap(std::span<const int> gpu_of, std::vector<int> slots, std::span<const double> load)
    : slots_(std::move(slots)),
      held_(slots_.size()),
      load_(load.begin(), load.end()),
      copies_(load.size()),
      free_(std::accumulate(slots_.begin(), slots_.end(), 0)) {
  for (std::size_t expert = 0; expert < gpu_of.size(); ++expert)
    add(static_cast<int>(expert), gpu_of[expert]);
}

bool CopyMap::has_room(int gpu) const {
  const auto g = static_cast<std::size_t>(gpu);
  return static_cast<int>(held_[g].size()) < slots_[g];
}

const std::vector<int>& CopyMap::experts_on(int gpu) const {
  return held_[static_cast<std::size_t>(gpu)];
}

bool CopyMap::holds(int gpu, int expert) const {
  const auto& held = experts_on(gpu);
  return std::find(held.begin(), held.end(), expert) != held.end();
}

double CopyMap::share_of(int expert) const {
  const auto e = static_cast<std::size_t>(expert);
  return load_[e] / copies_[e];
}

double CopyMap::load_on(int gpu) const {
  double sum = 0;
  for (const int expert : experts_on(gpu)) sum += share_of(expert);
  return sum;
}

int CopyMap::lightest_without(int expert) const {
  int best = -1;
  for (int gpu = 0; gpu < gpus(); ++gpu)
    if (has_room(gpu) && !holds(gpu, expert) && (best < 0 || load_on(gpu) < load_on(best)))
      best = gpu;
  return best;
}

int CopyMap::lightest_with_room() const {
  int best = -1;
  for (int gpu = 0; gpu < gpus(); ++gpu)
    if (has_room(gpu) && (best < 0 || load_on(gpu) < load_on(best))) best = gpu;
  return best;
}

void CopyMap::add(int expert, int gpu) {
  MOESIM_CHECK(has_room(gpu), "copies go where there is room");
  held_[static_cast<std::size_t>(gpu)].push_back(expert);
  ++copies_[static_cast<std::size_t>(expert)];
  --free_;
}

LayerPlacement CopyMap::layer() const {
  MOESIM_CHECK(full(), "every slot holds an expert");
  std::vector<int> first_slot{0};
  IdVector<SlotId, ExpertId> expert_of;
  for (const auto& held : held_) {
    for (const int expert : held) expert_of.raw().emplace_back(expert);
    first_slot.push_back(static_cast<int>(expert_of.size()));
  }
  return make_layer_placement(std::move(first_slot), std::move(expert_of),
                              static_cast<int>(load_.size()));
}

}  // namespace moesim
