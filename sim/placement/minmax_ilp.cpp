// The smallest largest GPU load, by integer programming (COIN-OR CBC):
//   min M;  Σ_gpus x[e][g] = copies of e;  Σ_experts x[e][g] = slots of g;
//   Σ_experts load[e] / copies[e] · x[e][g] ≤ M;  x whole, at most 1 where
//   copies can be apart
//
// Copies are those of EPLB, which make the largest load per copy as small as it can be. From LPT's
// map on, the heaviest GPU is improved together with the lightest one: a program for two. Where
// that does not help any more, programs for three, four, … are tried, up to the whole layer if it
// is small enough (large neighbourhood search). A map that reaches the lower bound ends the search.
#include <algorithm>
#include <map>
#include <numeric>

#include "sim/placement/packing.hpp"
#include "sim/placement/placement_policy.hpp"
#include "sim/placement/relaxation.hpp"
#include "sim/solve/integer_program.hpp"

namespace moesim {
namespace {

constexpr double kLeastGain = 1e-9;  // relative

// A layer as it is improved: the expert of each slot, GPU by GPU.
class IlpSearch {
 public:
  IlpSearch(LayerPlacement start, std::span<const double> load, int nodes)
      : layer_(std::move(start)), nodes_(nodes), bound_(relaxed_bound(layer_, load)) {
    for (const ExpertId expert : layer_.slots_of.ids())
      share_.push_back(load[expert.index()] / static_cast<double>(layer_.slots_of[expert].size()));
    held_.resize(static_cast<std::size_t>(layer_.gpus()));
    for (const SlotId slot : layer_.expert_of.ids())
      held_[layer_.gpu_of(slot).index()].push_back(layer_.expert_of[slot].value);
  }

  // Improves the map by programs of at most `variables` variables (experts that have a copy on the
  // GPUs of a program, times those GPUs).
  void run(int variables, double gap) {
    std::size_t size = 2;
    while (size <= held_.size() && load_of(heaviest_first().front()) > bound_ * (1 + gap)) {
      const std::vector<std::size_t> gpus = neighbourhood(size);
      if (size > 2 && copies_on(gpus).size() * size > static_cast<std::size_t>(variables)) return;
      size = improve(gpus) ? 2 : size + 1;
    }
  }

  LayerPlacement result() const {
    IdVector<SlotId, ExpertId> expert_of;
    for (const auto& experts : held_)
      for (const int expert : experts) expert_of.raw().emplace_back(expert);
    return make_layer_placement(layer_.first_slot, std::move(expert_of), layer_.experts());
  }

 private:
  double load_of(std::size_t gpu) const {
    double sum = 0;
    for (const int expert : held_[gpu]) sum += share_[static_cast<std::size_t>(expert)];
    return sum;
  }

  std::vector<std::size_t> heaviest_first() const {
    std::vector<std::size_t> order(held_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return load_of(a) > load_of(b); });
    return order;
  }

  // Copies of each expert on the GPUs.
  std::map<int, int> copies_on(const std::vector<std::size_t>& gpus) const {
    std::map<int, int> copies;
    for (const std::size_t gpu : gpus)
      for (const int expert : held_[gpu]) ++copies[expert];
    return copies;
  }

  // The heaviest GPU and the lightest, `size` in all.
  std::vector<std::size_t> neighbourhood(std::size_t size) const {
    std::vector<std::size_t> order = heaviest_first();
    std::reverse(order.begin() + 1, order.end());
    order.resize(size);
    return order;
  }

  struct Program {
    LinearProgram program;
    std::vector<double> start;
    std::vector<int> experts;  // variable 1 + i · gpus + g is for experts[i] on GPU g
  };
  Program program_for(const std::vector<std::size_t>& gpus) const;
  bool improve(const std::vector<std::size_t>& gpus);

  LayerPlacement layer_;
  int nodes_ = 0;
  double bound_ = 0;
  std::vector<double> share_;           // load of a copy, [experts]
  std::vector<std::vector<int>> held_;  // experts, [gpus][slots]
};

IlpSearch::Program IlpSearch::program_for(const std::vector<std::size_t>& gpus) const {
  Program made;
  LinearProgram& program = made.program;
  const int most = program.add({.cost = 1, .least = bound_});
  made.start.push_back(load_of(gpus.front()));
  std::vector<LinearProgram::Row> slots(gpus.size()), load(gpus.size());
  for (std::size_t g = 0; g < gpus.size(); ++g) {
    slots[g].least = slots[g].most = static_cast<double>(held_[gpus[g]].size());
    load[g] = {.terms = {{most, -1}}, .most = 0};
  }
  for (const auto& [expert, copies] : copies_on(gpus)) {
    LinearProgram::Row all{.least = static_cast<double>(copies),
                           .most = static_cast<double>(copies)};
    for (std::size_t g = 0; g < gpus.size(); ++g) {
      const auto here = std::count(held_[gpus[g]].begin(), held_[gpus[g]].end(), expert);
      const bool apart = copies <= static_cast<int>(gpus.size()) && here <= 1;
      const int x = program.add({.most = apart ? 1.0 : copies, .whole = true});
      all.terms.push_back({x, 1});
      slots[g].terms.push_back({x, 1});
      load[g].terms.push_back({x, share_[static_cast<std::size_t>(expert)]});
      made.start.push_back(static_cast<double>(here));
    }
    program.rows.push_back(std::move(all));
    made.experts.push_back(expert);
  }
  program.rows.insert(program.rows.end(), slots.begin(), slots.end());
  program.rows.insert(program.rows.end(), load.begin(), load.end());
  return made;
}

// Whether the heaviest of the GPUs became lighter.
bool IlpSearch::improve(const std::vector<std::size_t>& gpus) {
  Program made = program_for(gpus);
  const IntegerSolution best =
      solve_integer(made.program, {.nodes = nodes_, .start = std::move(made.start)});
  if (best.value.empty() || best.objective >= load_of(gpus.front()) * (1 - kLeastGain))
    return false;
  for (const std::size_t gpu : gpus) held_[gpu].clear();
  std::size_t at = 1;
  for (const int expert : made.experts)
    for (const std::size_t gpu : gpus)
      held_[gpu].insert(held_[gpu].end(), static_cast<std::size_t>(best.value[at++]), expert);
  return true;
}

class MinmaxIlp final : public PlacementPolicy {
 public:
  explicit MinmaxIlp(const Arguments& arguments)
      : redundant_(arguments.integer("redundant")),
        nodes_(arguments.integer("nodes")),
        variables_(arguments.integer("variables")),
        gap_(arguments.number("gap")) {}
  WindowNeeds needs() const override { return {}; }

  Placement place(const PlacementRequest& request) const override {
    const std::vector<int> first_slot =
        even_first_slots(request.experts() + redundant_, request.gpus);
    Placement placement{IdVector<LayerId, LayerPlacement>(request.load.rows())};
    for (const LayerId layer : placement.layers.ids()) {
      const auto load = request.load.row(layer);
      IlpSearch search(start_of(load, first_slot), load, nodes_);
      search.run(variables_, gap_);
      placement.layers[layer] = search.result();
    }
    return placement;
  }

 private:
  static LayerPlacement start_of(std::span<const double> load, const std::vector<int>& first_slot) {
    const std::vector<int> expert_of = replicate_experts<double>(load, first_slot.back());
    const auto packed = pack_balanced<double>(load_of_replicas<double>(load, expert_of),
                                              slots_per_gpu(first_slot), expert_of);
    return packed_layer(expert_of, packed, first_slot, static_cast<int>(load.size()));
  }

  int redundant_ = 0, nodes_ = 0, variables_ = 0;
  double gap_ = 0;
};

const Register<PlacementPolicy, MinmaxIlp> kMinmaxIlp{
    {.name = "minmax_ilp",
     .summary = "the smallest largest GPU load, by integer programming from LPT on",
     .source = "CBC",
     .parameters = {
         {.name = "nodes",
          .type = ParameterType::kInteger,
          .doc = "of the search tree of one program, at most",
          .fallback = "50",
          .minimum = 1},
         {.name = "variables",
          .type = ParameterType::kInteger,
          .doc = "of one program, at most (experts × GPUs); a larger layer is improved a "
                 "few GPUs at a time",
          .fallback = "200",
          .minimum = 2},
         {.name = "gap",
          .type = ParameterType::kNumber,
          .doc = "distance to the lower bound at which a layer is good enough, as a share of it",
          .fallback = "1e-4",
          .minimum = 0,
          .maximum = 1}}}};

}  // namespace
}  // namespace moesim
