// Links that come late, and flows that are taken out again.
#include "sim/base/check.hpp"
#include "sim/engine/fluid_solver.hpp"

namespace moesim {

int FluidSolver::add_links(std::span<const BytesPerSecond> capacities) {
  const int first = static_cast<int>(links_.size());
  for (const BytesPerSecond capacity : capacities) {
    links_.emplace_back().capacity = capacity.value;
    states_.emplace_back().spare = capacity.value;
    link_flows_.emplace_back();
  }
  return first;
}

void FluidSolver::withdraw(int batch, std::vector<WithdrawnFlow>& withdrawn) {
  const auto take = [&](FlowId flow, double bytes, double date) {
    MOESIM_CHECK(!flows_.has_group(flow), "flows that may be withdrawn have one part");
    withdrawn.push_back({.tag = flows_[flow].tag, .bytes = bytes, .date = Seconds(date)});
    flows_.end(flow);
    --batches_[static_cast<std::size_t>(batch)].flows;
  };
  arrivals_.withdraw([&](FlowId flow) { return flows_[flow].batch == batch; },
                     [&](FlowId flow, Seconds date) {
                       take(flow, flows_.left[flow], date.value);
                       flows_.remove(flow);
                     });
  for (const FlowId flow : admitted_) {
    if (flows_.left[flow] <= 0 || flows_[flow].batch != batch) continue;
    const double debt = take_debt(flow);
    for (const int link : flows_.links(flow)) --info(link).active;
    take(flow, flows_.left[flow] + debt, as_of_);
    dead_.push_back(flow);
    --alive_;
    changed_ = true;
  }
}

}  // namespace moesim
