// Balanced clusters of experts, then clusters to GPUs so that little travels between layers (after
// MoETuner, from its description): two integer programs.
//
// 1. For each layer, as many experts a cluster as a GPU has slots, minimising Σ |load − mean|.
// 2. One layer after the other, given where the clusters of the layer before are: clusters to GPUs,
//    minimising what the most burdened GPU receives (tokens times hops: the tail), and among equals
//    the sum.
// A program with more variables than `variables` is not tried: clusters are then those of LPT, and
// clusters go to GPUs by the Hungarian method, which minimises the sum. As for exflow, a run brings
// tokens back after every layer and does not show what 2. saves.
#include <algorithm>
#include <numeric>

#include "sim/placement/packing.hpp"
#include "sim/placement/placement_policy.hpp"
#include "sim/placement/transitions.hpp"
#include "sim/solve/integer_program.hpp"
#include "sim/solve/least_cost_matching.hpp"

namespace moesim {
namespace {

constexpr double kSumWeight = 1e-3;  // of the sum beside the tail

std::size_t at(int index) { return static_cast<std::size_t>(index); }

// Each item in one of some bins, as variables: item · bins + bin, from the first variable on.
void add_choices(LinearProgram& program, std::size_t items, std::size_t bins) {
  for (std::size_t item = 0; item < items; ++item) {
    LinearProgram::Row once{.least = 1, .most = 1};
    for (std::size_t bin = 0; bin < bins; ++bin)
      once.terms.push_back({program.add({.most = 1, .whole = true}), 1});
    program.rows.push_back(std::move(once));
  }
}

std::vector<int> chosen_bins(std::span<const double> value, std::size_t items, std::size_t bins) {
  std::vector<int> bin_of(items);
  for (std::size_t item = 0; item < items; ++item) {
    const auto own = value.subspan(item * bins, bins);
    bin_of[item] = static_cast<int>(std::max_element(own.begin(), own.end()) - own.begin());
  }
  return bin_of;
}

class MoeTuner final : public PlacementPolicy {
 public:
  explicit MoeTuner(const Arguments& arguments)
      : variables_(arguments.integer("variables")),
        nodes_(arguments.integer("nodes")),
        spot_(arguments.section()) {
    if (arguments.integer("redundant") > 0)
      throw InputError(arguments.spot("redundant"), "moetuner makes no copies of experts",
                       "leave 'redundant' out");
  }
  WindowNeeds needs() const override { return {.transitions = true}; }

  Placement place(const PlacementRequest& request) const override {
    const int layers = static_cast<int>(request.load.rows());
    const Transitions& transitions = request.detail.transitions;
    require_known(static_cast<int>(transitions.size()) == layers - 1,
                  "which expert follows which from layer to layer", spot_,
                  "a trace with expert ids tells, a file of loads does not");
    const std::vector<int> sizes = slots_per_gpu(even_first_slots(request.experts(), request.gpus));
    ExpertGpus gpu_of(layers);
    std::vector<char> known(gpu_of.size());
    for (const LayerId layer : gpu_of.ids()) {
      gpu_of[layer] = clusters(request.load.row(layer), sizes);
      if (layer.value > 0) {
        const Matrix cost = cost_on_gpus(transitions, gpu_of, layer, known, request.gpus,
                                         hop_distance(request.gpus, request.nodes));
        const std::vector<int> gpu_of_cluster = clusters_to_gpus(cost, gpu_of[layer], sizes);
        for (int& gpu : gpu_of[layer]) gpu = gpu_of_cluster[at(gpu)];
      }
      known[layer.index()] = 1;
    }
    return placement_of(gpu_of, request.gpus);
  }

 private:
  std::vector<int> clusters(std::span<const double> load, std::span<const int> sizes) const;
  std::vector<int> clusters_to_gpus(const Matrix& cost_of_expert, std::span<const int> cluster_of,
                                    std::span<const int> sizes) const;
  std::vector<int> least_tail(const Matrix& cost) const;

  int variables_ = 0, nodes_ = 0;
  Spot spot_;
};

// The cluster of each expert.
std::vector<int> MoeTuner::clusters(std::span<const double> load,
                                    std::span<const int> sizes) const {
  const auto packed = pack_balanced<double>(load, sizes);
  std::vector<int> cluster_of;
  for (const Packed& expert : packed) cluster_of.push_back(expert.pack);
  const std::size_t experts = load.size(), bins = sizes.size();
  if (experts * bins > at(variables_)) return cluster_of;
  const double mean = std::accumulate(load.begin(), load.end(), 0.0) / static_cast<double>(bins);
  LinearProgram program;
  add_choices(program, experts, bins);
  std::vector<double> start(experts * bins);
  std::vector<double> sum(bins);
  for (std::size_t e = 0; e < experts; ++e) {
    start[e * bins + at(cluster_of[e])] = 1;
    sum[at(cluster_of[e])] += load[e];
  }
  for (std::size_t bin = 0; bin < bins; ++bin) {
    const int off = program.add({.cost = 1});
    start.push_back(std::abs(sum[bin] - mean));
    LinearProgram::Row count{.least = static_cast<double>(sizes[bin]),
                             .most = static_cast<double>(sizes[bin])};
    LinearProgram::Row above{.terms = {{off, -1}}, .most = mean};
    LinearProgram::Row below{.terms = {{off, 1}}, .least = mean};
    for (std::size_t e = 0; e < experts; ++e) {
      const int x = static_cast<int>(e * bins + bin);
      count.terms.push_back({x, 1});
      above.terms.push_back({x, load[e]});
      below.terms.push_back({x, load[e]});
    }
    for (LinearProgram::Row* row : {&count, &above, &below})
      program.rows.push_back(std::move(*row));
  }
  const IntegerSolution best = solve_integer(program, {.nodes = nodes_, .start = std::move(start)});
  return best.value.empty() ? cluster_of : chosen_bins(best.value, experts, bins);
}

// The GPU of each cluster. Cluster c can only go where there are sizes[c] slots.
std::vector<int> MoeTuner::clusters_to_gpus(const Matrix& cost_of_expert,
                                            std::span<const int> cluster_of,
                                            std::span<const int> sizes) const {
  Matrix cost(sizes.size(), sizes.size());
  double sum = 0;
  for (std::size_t expert = 0; expert < cluster_of.size(); ++expert)
    for (std::size_t gpu = 0; gpu < sizes.size(); ++gpu) {
      cost(at(cluster_of[expert]), gpu) += cost_of_expert(expert, gpu);
      sum += cost_of_expert(expert, gpu);
    }
  for (std::size_t cluster = 0; cluster < sizes.size(); ++cluster)
    for (std::size_t gpu = 0; gpu < sizes.size(); ++gpu)
      if (sizes[cluster] != sizes[gpu]) cost(cluster, gpu) = 2 * sum + 1;
  const bool small = sizes.size() * sizes.size() <= at(variables_);
  return small ? least_tail(cost) : least_cost_matching(cost);
}

std::vector<int> MoeTuner::least_tail(const Matrix& cost) const {
  const std::vector<int> cheapest = least_cost_matching(cost);
  const std::size_t clusters = cost.rows();
  LinearProgram program;
  add_choices(program, clusters, clusters);
  const int tail = program.add({.cost = 1});
  std::vector<double> start(clusters * clusters + 1);
  for (std::size_t gpu = 0; gpu < clusters; ++gpu) {
    LinearProgram::Row once{.least = 1, .most = 1};
    LinearProgram::Row received{.terms = {{tail, -1}}, .most = 0};
    for (std::size_t cluster = 0; cluster < clusters; ++cluster) {
      const int x = static_cast<int>(cluster * clusters + gpu);
      program.variables[at(x)].cost = kSumWeight * cost(cluster, gpu);
      once.terms.push_back({x, 1});
      received.terms.push_back({x, cost(cluster, gpu)});
      if (cheapest[cluster] != static_cast<int>(gpu)) continue;
      start[at(x)] = 1;
      start.back() = std::max(start.back(), cost(cluster, gpu));
    }
    program.rows.push_back(std::move(once));
    program.rows.push_back(std::move(received));
  }
  const IntegerSolution best = solve_integer(program, {.nodes = nodes_, .start = std::move(start)});
  return best.value.empty() ? cheapest : chosen_bins(best.value, clusters, clusters);
}

const Register<PlacementPolicy, MoeTuner> kMoeTuner{
    {.name = "moetuner",
     .summary = "balanced clusters, then clusters to GPUs by what travels between layers",
     .source = "after MoETuner",
     .parameters = {{.name = "variables",
                     .type = ParameterType::kInteger,
                     .doc = "of an integer program, at most; above, LPT makes the clusters "
                            "(experts × GPUs) and matchings place them (GPUs²)",
                     .fallback = "128",
                     .minimum = 0},
                    {.name = "nodes",
                     .type = ParameterType::kInteger,
                     .doc = "of the search tree of one program, at most",
                     .fallback = "200",
                     .minimum = 1}}}};

}  // namespace
}  // namespace moesim
