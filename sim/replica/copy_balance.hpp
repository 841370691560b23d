// The best split of a batch's routes over the copies of their experts: the smallest largest GPU
// load that any replica policy could reach (policies.md 3.6 minmax_fractional and 4.2).
//
// As a linear program (deepseek-ai/LPLB, from its description):
//   min M;  Σ_{slots of e} x = routes of e;  Σ_{slots on g} x + fixed load of g ≤ M
// and as a flow source → expert → GPUs of its copies → sink, where M is what every GPU takes.
#pragma once

#include "sim/base/parameter.hpp"
#include "sim/replica/replica.hpp"

namespace moesim {

using RouteCount = IdVector<ExpertId, std::int64_t>;  // routes to each expert, of all sources

struct FractionalSplit {
  double most = 0;                  // M, in routes
  IdVector<SlotId, double> routes;  // to each slot, fractions allowed
};
// By CLP.
FractionalSplit split_by_program(const RouteCount& routes, const LayerPlacement& placement);

struct WholeSplit {
  double bound = 0;       // M where routes may be split: exact but for the division
  std::int64_t most = 0;  // M in whole routes: `bound` rounded up
  IdVector<SlotId, std::int64_t> routes;
};
// M is found by Newton's method on the cuts of the flow: where M is too small, the cut names GPUs
// whose experts have no copies elsewhere, and their mean load is the next M. It ends at the exact
// fraction after a few flows, where bisection would go on. Whole capacities then have a whole flow.
WholeSplit split_by_flow(const RouteCount& routes, const LayerPlacement& placement);

// What a solve for each batch costs, with its parameters `solve_time` and `all_reduce_time`:
// nothing where no expert has two copies.
class SolverCost {
 public:
  explicit SolverCost(const Arguments& arguments);
  ReplicaWork work(const LayerPlacement& placement) const;
  static std::vector<Parameter> parameters();

 private:
  Seconds solve_;
  std::optional<Seconds> all_reduce_;
};

}  // namespace moesim
