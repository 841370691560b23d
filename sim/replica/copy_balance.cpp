#include "sim/replica/copy_balance.hpp"

#include <algorithm>
#include <numeric>

#include "sim/base/check.hpp"
#include "sim/solve/linear_program.hpp"
#include "sim/solve/max_flow.hpp"

namespace moesim {
namespace {

constexpr int kBytesOfCount = 4;

// The nodes are the source, the sink, the experts, then the GPUs.
class SplitFlow {
 public:
  SplitFlow(const RouteCount& routes, const LayerPlacement& placement)
      : routes_(routes), placement_(placement) {
    network_ = {.nodes = 2 + placement.experts() + placement.gpus(), .source = 0, .sink = 1};
    for (const ExpertId expert : routes.ids())
      network_.arcs.push_back({.from = 0, .to = node_of(expert)});
    for (const SlotId slot : placement.expert_of.ids())
      network_.arcs.push_back(
          {.from = node_of(placement.expert_of[slot]), .to = node_of(placement.gpu_of(slot))});
    for (const GpuId gpu : IdRange<GpuId>(placement.gpus()))
      network_.arcs.push_back({.from = node_of(gpu), .to = 1});
  }

  // Every GPU takes most / parts routes; the flow is in parts of a route.
  MaxFlow solve(std::int64_t most, std::int64_t parts) {
    std::size_t arc = 0;
    for (const std::int64_t count : routes_) network_.arcs[arc++].capacity = count * parts;
    for (const SlotId slot : placement_.expert_of.ids())
      network_.arcs[arc++].capacity = routes_[placement_.expert_of[slot]] * parts;
    while (arc < network_.arcs.size()) network_.arcs[arc++].capacity = most;
    return max_flow(network_);
  }

  std::int64_t over_slot(const MaxFlow& flow, SlotId slot) const {
    return flow.flow[routes_.size() + slot.index()];
  }

  // GPUs that the cut has on the source's side, and the routes that can only go there.
  struct Confined {
    std::int64_t routes = 0, gpus = 0;
  };
  Confined confined(const MaxFlow& flow) const {
    Confined found;
    for (const GpuId gpu : IdRange<GpuId>(placement_.gpus())) found.gpus += reached(flow, gpu);
    for (const ExpertId expert : routes_.ids()) {
      const auto& slots = placement_.slots_of[expert];
      if (std::all_of(slots.begin(), slots.end(),
                      [&](SlotId slot) { return reached(flow, placement_.gpu_of(slot)); }))
        found.routes += routes_[expert];
    }
    return found;
  }

 private:
  int node_of(ExpertId expert) const { return 2 + expert.value; }
  int node_of(GpuId gpu) const { return 2 + placement_.experts() + gpu.value; }
  bool reached(const MaxFlow& flow, GpuId gpu) const {
    return flow.reached[static_cast<std::size_t>(node_of(gpu))];
  }

  const RouteCount& routes_;
  const LayerPlacement& placement_;
  CapacityNetwork network_;
};

}  // namespace

FractionalSplit split_by_program(const RouteCount& routes, const LayerPlacement& placement) {
  LinearProgram program;
  program.rows.resize(static_cast<std::size_t>(placement.gpus()) + routes.size());
  const std::span<LinearProgram::Row> of_gpu(program.rows.data(),
                                             static_cast<std::size_t>(placement.gpus()));
  const auto of_expert = std::span(program.rows).subspan(of_gpu.size());
  for (const SlotId slot : placement.expert_of.ids()) {
    const int here = program.add({});
    of_gpu[placement.gpu_of(slot).index()].terms.push_back({here, 1});
    of_expert[placement.expert_of[slot].index()].terms.push_back({here, 1});
  }
  const int most = program.add({.cost = 1});
  for (LinearProgram::Row& row : of_gpu) row.terms.push_back({most, -1}), row.most = 0;
  for (const ExpertId expert : routes.ids()) {
    LinearProgram::Row& row = of_expert[expert.index()];
    row.least = row.most = static_cast<double>(routes[expert]);
  }
  LinearSolution solution = solve_linear(program);
  MOESIM_CHECK(solution.status == SolveStatus::kOptimal, "routes can always be split somehow");
  solution.value.pop_back();
  for (double& value : solution.value) value = std::max(0.0, value);
  return {.most = solution.objective, .routes = IdVector<SlotId, double>(solution.value)};
}

WholeSplit split_by_flow(const RouteCount& routes, const LayerPlacement& placement) {
  SplitFlow split(routes, placement);
  const std::int64_t all = std::accumulate(routes.begin(), routes.end(), std::int64_t{0});
  SplitFlow::Confined tightest{.routes = all, .gpus = placement.gpus()};
  while (true) {
    const MaxFlow flow = split.solve(tightest.routes, tightest.gpus);
    if (flow.value == all * tightest.gpus) break;
    tightest = split.confined(flow);
  }
  WholeSplit whole{
      .bound = static_cast<double>(tightest.routes) / static_cast<double>(tightest.gpus),
      .most = (tightest.routes + tightest.gpus - 1) / tightest.gpus,
      .routes = IdVector<SlotId, std::int64_t>(placement.slots())};
  const MaxFlow flow = split.solve(whole.most, 1);
  MOESIM_CHECK(flow.value == all, "what fractions can do, whole routes can one above");
  for (const SlotId slot : whole.routes.ids()) whole.routes[slot] = split.over_slot(flow, slot);
  return whole;
}

SolverCost::SolverCost(const Arguments& arguments) : solve_(arguments.time("solve_time")) {
  if (arguments.has("all_reduce_time")) all_reduce_ = arguments.time("all_reduce_time");
}

ReplicaWork SolverCost::work(const LayerPlacement& placement) const {
  if (placement.slots() == placement.experts()) return {};
  return {.counts = Bytes(static_cast<double>(placement.experts()) * kBytesOfCount),
          .counts_time = all_reduce_,
          .solve = solve_};
}

std::vector<Parameter> SolverCost::parameters() {
  return {{.name = "solve_time",
           .type = ParameterType::kTime,
           .doc = "of a layer's split, on the GPUs; about that for LPLB inside a node",
           .fallback = "100 us",
           .minimum = 0},
          {.name = "all_reduce_time",
           .type = ParameterType::kTime,
           .doc = "of the layer's counts of routes, before the solve (default: NCCL's all-reduce, "
                  "by the calibration; the shipped ones were measured over NICs from 32 MB on, so "
                  "they are high for so few bytes)",
           .minimum = 0}};
}

}  // namespace moesim
