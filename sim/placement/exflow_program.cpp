#include "sim/placement/exflow_program.hpp"

#include <algorithm>
#include <numeric>

#include "sim/solve/integer_program.hpp"

namespace moesim {
namespace {

using ExpertLists = IdVector<LayerId, std::vector<int>>;  // experts of a part, [layers]

// The GPUs first .. last − 1.
struct Range {
  int first = 0, last = 0;
  int size() const { return last - first; }
};

class Bipartition {
 public:
  Bipartition(const Transitions& transitions, std::span<const int> sizes, int node_gpus,
              int search_nodes, ExpertGpus& gpu_of)
      : transitions_(transitions),
        sizes_(sizes),
        node_gpus_(node_gpus),
        search_nodes_(search_nodes),
        gpu_of_(gpu_of) {}

  void split(const ExpertLists& experts, Range gpus) {
    if (gpus.size() == 1) {
      for (const LayerId layer : experts.ids())
        for (const int expert : experts[layer])
          gpu_of_[layer][static_cast<std::size_t>(expert)] = gpus.first;
      return;
    }
    const Range left{gpus.first, middle_of(gpus)}, right{left.last, gpus.last};
    const auto is_right = sides(experts, slots_in(left));
    ExpertLists on_left(experts.size()), on_right(experts.size());
    std::size_t at = 0;
    for (const LayerId layer : experts.ids())
      for (const int expert : experts[layer])
        (is_right[at++] ? on_right : on_left)[layer].push_back(expert);
    split(on_left, left);
    split(on_right, right);
  }

 private:
  int middle_of(Range gpus) const {
    const int nodes = gpus.size() / node_gpus_;
    return gpus.first + (nodes > 1 ? nodes / 2 * node_gpus_ : gpus.size() / 2);
  }

  int slots_in(Range gpus) const {
    return std::accumulate(sizes_.begin() + gpus.first, sizes_.begin() + gpus.last, 0);
  }

  // min Σ tokens · d;  d ≥ ± (x[l][e] − x[l + 1][f]);  `on_left` of each layer's x are 0.
  // Whether each expert, layer by layer, goes to the right.
  std::vector<bool> sides(const ExpertLists& experts, int on_left) const {
    LinearProgram program;
    IdVector<LayerId, int> first(experts.size());
    int variables = 0;
    for (const LayerId layer : experts.ids()) {
      first[layer] = variables;
      const double on_right = static_cast<double>(experts[layer].size()) - on_left;
      LinearProgram::Row count{.least = on_right, .most = on_right};
      for (std::size_t i = 0; i < experts[layer].size(); ++i, ++variables)
        count.terms.push_back({program.add({.most = 1, .whole = true}), 1});
      program.rows.push_back(std::move(count));
    }
    for (const LayerId layer : transitions_.ids()) {
      const LayerId next(layer.value + 1);
      for (std::size_t i = 0; i < experts[layer].size(); ++i)
        for (std::size_t j = 0; j < experts[next].size(); ++j) {
          const double tokens =
              transitions_[layer](ExpertId(experts[layer][i]), ExpertId(experts[next][j]));
          if (tokens > 0)
            add_crossing(program, first[layer] + static_cast<int>(i),
                         first[next] + static_cast<int>(j), tokens);
        }
    }
    const IntegerSolution solution = solve_integer(program, {.nodes = search_nodes_});
    return solution.value.empty() ? in_order(experts, on_left) : right_of(solution, variables);
  }

  static void add_crossing(LinearProgram& program, int from, int to, double tokens) {
    const int crosses = program.add({.cost = tokens, .most = 1});
    program.rows.push_back({.terms = {{crosses, 1}, {from, -1}, {to, 1}}, .least = 0});
    program.rows.push_back({.terms = {{crosses, 1}, {from, 1}, {to, -1}}, .least = 0});
  }

  static std::vector<bool> right_of(const IntegerSolution& solution, int variables) {
    std::vector<bool> right;
    for (int i = 0; i < variables; ++i)
      right.push_back(solution.value[static_cast<std::size_t>(i)] > 0.5);
    return right;
  }

  // Where the search ended before it found anything.
  static std::vector<bool> in_order(const ExpertLists& experts, int on_left) {
    std::vector<bool> right;
    for (const auto& layer : experts)
      for (std::size_t i = 0; i < layer.size(); ++i)
        right.push_back(static_cast<int>(i) >= on_left);
    return right;
  }

  const Transitions& transitions_;
  std::span<const int> sizes_;
  int node_gpus_ = 1, search_nodes_ = 1;
  ExpertGpus& gpu_of_;
};

}  // namespace

ExpertGpus bipartition(const Transitions& transitions, int experts, std::span<const int> sizes,
                       int nodes, int search_nodes) {
  const int gpus = static_cast<int>(sizes.size());
  const std::size_t layers = transitions.size() + 1;
  std::vector<int> all(static_cast<std::size_t>(experts));
  std::iota(all.begin(), all.end(), 0);
  ExpertGpus gpu_of(layers, std::vector<int>(all.size()));
  Bipartition(transitions, sizes, gpus % nodes == 0 ? gpus / nodes : gpus, search_nodes, gpu_of)
      .split(ExpertLists(layers, all), {0, gpus});
  return gpu_of;
}

}  // namespace moesim
