#include "sim/placement/relaxation.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <vector>

#include "sim/base/check.hpp"
#include "sim/placement/packing.hpp"
#include "sim/solve/linear_program.hpp"

namespace moesim {
namespace {

struct Item {
  double load = 0;  // of one copy
  int copies = 1;
};

// GPUs with the same number of slots.
struct Kind {
  int slots = 0, gpus = 0;
};

std::vector<Item> items_of(const LayerPlacement& layer, std::span<const double> load) {
  std::vector<Item> items;
  for (const ExpertId expert : layer.slots_of.ids()) {
    const int copies = static_cast<int>(layer.slots_of[expert].size());
    items.push_back({.load = load[expert.index()] / copies, .copies = copies});
  }
  return items;
}

// The largest load over GPUs of these kinds, each kind taken together; `items[heavy]` has a copy on
// the first, which is one GPU.
double largest_load(const std::vector<Item>& items, std::size_t heavy,
                    const std::vector<Kind>& kinds) {
  LinearProgram program;
  const int most = program.add({.cost = 1});
  program.rows.resize(items.size());
  for (std::size_t i = 0; i < items.size(); ++i)
    program.rows[i].least = program.rows[i].most = items[i].copies;
  for (std::size_t k = 0; k < kinds.size(); ++k) {
    LinearProgram::Row slots, load{.terms = {{most, -static_cast<double>(kinds[k].gpus)}}};
    for (std::size_t i = 0; i < items.size(); ++i) {
      const int here = program.add({.least = k == 0 && i == heavy ? 1.0 : 0.0});
      program.rows[i].terms.push_back({here, 1});
      slots.terms.push_back({here, 1});
      load.terms.push_back({here, items[i].load});
    }
    slots.least = slots.most = kinds[k].slots * kinds[k].gpus;
    load.most = 0;
    program.rows.push_back(std::move(slots));
    program.rows.push_back(std::move(load));
  }
  const LinearSolution solution = solve_linear(program);
  MOESIM_CHECK(solution.status == SolveStatus::kOptimal, "the copies fill the slots");
  return solution.objective;
}

}  // namespace

double relaxed_bound(const LayerPlacement& layer, std::span<const double> load) {
  const std::vector<Item> items = items_of(layer, load);
  const auto heaviest = std::max_element(
      items.begin(), items.end(), [](const Item& a, const Item& b) { return a.load < b.load; });
  std::map<int, int> gpus_with;  // slots → GPUs
  for (const int slots : slots_per_gpu(layer.first_slot)) ++gpus_with[slots];
  double bound = std::numeric_limits<double>::infinity();
  for (const auto& [home, unused] : gpus_with) {
    if (home == 0) continue;
    std::vector<Kind> kinds{{.slots = home, .gpus = 1}};
    for (const auto& [slots, gpus] : gpus_with)
      if (const int others = gpus - (slots == home ? 1 : 0); slots > 0 && others > 0)
        kinds.push_back({.slots = slots, .gpus = others});
    bound = std::min(
        bound, largest_load(items, static_cast<std::size_t>(heaviest - items.begin()), kinds));
  }
  return bound;
}

}  // namespace moesim
