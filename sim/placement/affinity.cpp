#include "sim/placement/affinity.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "sim/base/check.hpp"
#include "sim/placement/packing.hpp"
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

// Experts on GPUs by load and by pairs.
class Groups {
 public:
  Groups(const ExpertPairs& pairs, std::span<const double> load, std::vector<int>& gpu_of)
      : pairs_(pairs),
        load_(load),
        gpu_of_(gpu_of),
        gpu_load_(static_cast<std::size_t>(*std::max_element(gpu_of.begin(), gpu_of.end())) + 1),
        to_(load.size(), gpu_load_.size()) {
    for (std::size_t expert = 0; expert < load.size(); ++expert) {
      gpu_load_[gpu_at(expert)] += load[expert];
      for (std::size_t other = 0; other < load.size(); ++other)
        if (other != expert) to_(expert, gpu_at(other)) += tokens(expert, other);
    }
  }

  std::size_t heaviest() const {
    return static_cast<std::size_t>(std::max_element(gpu_load_.begin(), gpu_load_.end()) -
                                    gpu_load_.begin());
  }
  double load_on(std::size_t gpu) const { return gpu_load_[gpu]; }

  // The cheapest swap that takes load off the GPU; false where there is none.
  bool relieve(std::size_t gpu) {
    std::size_t first = 0, second = 0;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t own = 0; own < load_.size(); ++own) {
      if (gpu_at(own) != gpu) continue;
      for (std::size_t other = 0; other < load_.size(); ++other) {
        const double moved = load_[own] - load_[other];
        const std::size_t target = gpu_at(other);
        if (target == gpu || moved <= 0 || gpu_load_[target] + moved >= gpu_load_[gpu]) continue;
        const double parted = to_(own, gpu) + to_(other, target) - to_(own, target) -
                              to_(other, gpu) + 2 * tokens(own, other);
        if (parted / moved < least) least = parted / moved, first = own, second = other;
      }
    }
    if (first == second) return false;
    const std::size_t target = gpu_at(second);
    move(first, target);
    move(second, gpu);
    return true;
  }

 private:
  std::size_t gpu_at(std::size_t expert) const { return static_cast<std::size_t>(gpu_of_[expert]); }
  double tokens(std::size_t a, std::size_t b) const { return pairs_(ExpertId(a), ExpertId(b)); }

  void move(std::size_t expert, std::size_t gpu) {
    const std::size_t from = gpu_at(expert);
    for (std::size_t other = 0; other < load_.size(); ++other) {
      if (other == expert) continue;
      to_(other, from) -= tokens(other, expert);
      to_(other, gpu) += tokens(other, expert);
    }
    gpu_load_[from] -= load_[expert];
    gpu_load_[gpu] += load_[expert];
    gpu_of_[expert] = static_cast<int>(gpu);
  }

  const ExpertPairs& pairs_;
  std::span<const double> load_;
  std::vector<int>& gpu_of_;
  std::vector<double> gpu_load_;
  Matrix to_;  // tokens of an expert's pairs with each GPU's experts, [experts × gpus]
};

}  // namespace

void limit_load(const ExpertPairs& pairs, std::span<const double> load, double most,
                std::vector<int>& gpu_of) {
  Groups groups(pairs, load, gpu_of);
  while (groups.load_on(groups.heaviest()) > most && groups.relieve(groups.heaviest())) {
  }
}

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

std::vector<int> cluster_experts(const PlacementRequest& request, LayerId layer) {
  return cluster_experts(request.detail.coactivation[layer],
                         slots_per_gpu(even_first_slots(request.experts(), request.gpus)),
                         request.nodes);
}

void require_pairs(const PlacementRequest& request, const Spot& spot) {
  require_known(!request.detail.coactivation.empty(), "which experts are used together", spot,
                "a trace with expert ids tells, a file of loads does not");
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
