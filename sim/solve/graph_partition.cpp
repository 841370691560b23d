#include "sim/solve/graph_partition.hpp"

#include <metis.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

constexpr int kPartitionSeed = 1;
constexpr int kTries = 4;  // partitions METIS makes, of which it takes the best
constexpr double kWeightOfAll = 1'000'000'000;  // METIS's weights are 32-bit integers

struct MetisGraph {
  std::vector<idx_t> first, neighbour, weight;
};

MetisGraph metis_graph(const Matrix& weight) {
  double sum = 0;
  for (std::size_t v = 0; v < weight.rows(); ++v)
    for (std::size_t u = 0; u < weight.columns(); ++u)
      if (u != v) sum += weight(v, u);
  const double scale = sum > 0 ? kWeightOfAll / sum : 0;
  MetisGraph graph{.first = {0}};
  for (std::size_t v = 0; v < weight.rows(); ++v) {
    for (std::size_t u = 0; u < weight.columns(); ++u) {
      const auto whole = static_cast<idx_t>(std::lround(weight(v, u) * scale));
      if (u == v || whole == 0) continue;
      graph.neighbour.push_back(static_cast<idx_t>(u));
      graph.weight.push_back(whole);
    }
    graph.first.push_back(static_cast<idx_t>(graph.neighbour.size()));
  }
  return graph;
}

std::vector<int> metis_parts(const Matrix& weight, std::span<const int> sizes) {
  MetisGraph graph = metis_graph(weight);
  idx_t vertices = static_cast<idx_t>(weight.rows()), constraints = 1;
  idx_t parts = static_cast<idx_t>(sizes.size()), cut = 0;
  std::vector<real_t> share;
  for (const int size : sizes)
    share.push_back(static_cast<real_t>(size) / static_cast<real_t>(vertices));
  std::vector<idx_t> options(METIS_NOPTIONS);
  METIS_SetDefaultOptions(options.data());
  options[METIS_OPTION_SEED] = kPartitionSeed;
  options[METIS_OPTION_NCUTS] = kTries;
  options[METIS_OPTION_NUMBERING] = 0;
  std::vector<idx_t> part(weight.rows());
  const int status = METIS_PartGraphRecursive(
      &vertices, &constraints, graph.first.data(), graph.neighbour.data(), nullptr, nullptr,
      graph.weight.data(), &parts, share.data(), nullptr, options.data(), &cut, part.data());
  MOESIM_CHECK(status == METIS_OK, "METIS takes every graph that is made here");
  return {part.begin(), part.end()};
}

// Weight of a vertex to each part: [vertices × parts].
Matrix weight_to_parts(const Matrix& weight, std::span<const int> part, std::size_t parts) {
  Matrix to(weight.rows(), parts);
  for (std::size_t v = 0; v < weight.rows(); ++v)
    for (std::size_t u = 0; u < weight.columns(); ++u)
      if (u != v) to(v, static_cast<std::size_t>(part[u])) += weight(v, u);
  return to;
}

struct Move {
  std::size_t vertex = 0;
  int part = -1;  // −1 = none
  double gain = 0;
};

// The move out of a part that has too many, into one that has too few, that costs least.
Move cheapest_move(const Matrix& to, std::span<const int> part, std::span<const int> room) {
  Move best;
  for (std::size_t v = 0; v < part.size(); ++v) {
    const auto own = static_cast<std::size_t>(part[v]);
    if (room[own] >= 0) continue;
    for (std::size_t p = 0; p < room.size(); ++p) {
      const double gain = to(v, p) - to(v, own);
      if (room[p] > 0 && (best.part < 0 || gain > best.gain))
        best = {.vertex = v, .part = static_cast<int>(p), .gain = gain};
    }
  }
  return best;
}

void move_vertex(const Matrix& weight, std::size_t vertex, int target, std::vector<int>& part,
                 Matrix& to) {
  const auto from = static_cast<std::size_t>(part[vertex]), p = static_cast<std::size_t>(target);
  for (std::size_t u = 0; u < part.size(); ++u) {
    if (u == vertex) continue;
    to(u, from) -= weight(u, vertex);
    to(u, p) += weight(u, vertex);
  }
  part[vertex] = target;
}

void fit_sizes(const Matrix& weight, std::span<const int> sizes, std::vector<int>& part) {
  std::vector<int> room(sizes.begin(), sizes.end());
  for (const int p : part) --room[static_cast<std::size_t>(p)];
  Matrix to = weight_to_parts(weight, part, sizes.size());
  while (true) {
    const Move move = cheapest_move(to, part, room);
    if (move.part < 0) return;
    ++room[static_cast<std::size_t>(part[move.vertex])];
    --room[static_cast<std::size_t>(move.part)];
    move_vertex(weight, move.vertex, move.part, part, to);
  }
}

}  // namespace

std::vector<int> partition_graph(const Matrix& weight, std::span<const int> sizes) {
  MOESIM_CHECK(std::accumulate(sizes.begin(), sizes.end(), std::size_t{0}) == weight.rows(),
               "the parts have room for exactly the vertices");
  std::vector<int> part(weight.rows());
  if (sizes.size() > 1) part = metis_parts(weight, sizes);
  fit_sizes(weight, sizes, part);
  return part;
}

void swap_pairs(const Matrix& weight, std::vector<int>& part) {
  const int parts = part.empty() ? 0 : *std::max_element(part.begin(), part.end()) + 1;
  Matrix to = weight_to_parts(weight, part, static_cast<std::size_t>(parts));
  const double least_gain = 1e-9 * std::max(1.0, weight_inside(weight, part));
  while (true) {
    double best = least_gain;
    std::size_t first = 0, second = 0;
    for (std::size_t v = 0; v < part.size(); ++v) {
      const auto own = static_cast<std::size_t>(part[v]);
      for (std::size_t u = v + 1; u < part.size(); ++u) {
        const auto other = static_cast<std::size_t>(part[u]);
        if (own == other) continue;
        const double gain =
            to(v, other) - to(v, own) + to(u, own) - to(u, other) - 2 * weight(v, u);
        if (gain > best) best = gain, first = v, second = u;
      }
    }
    if (best <= least_gain) return;
    const int part_of_first = part[first];
    move_vertex(weight, first, part[second], part, to);
    move_vertex(weight, second, part_of_first, part, to);
  }
}

double weight_inside(const Matrix& weight, std::span<const int> part) {
  double sum = 0;
  for (std::size_t v = 0; v < part.size(); ++v)
    for (std::size_t u = v + 1; u < part.size(); ++u)
      if (part[u] == part[v]) sum += weight(v, u);
  return sum;
}

}  // namespace moesim
