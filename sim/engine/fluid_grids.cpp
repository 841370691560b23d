// The flows of the fluid solver that lie on grids.
#include <algorithm>
#include <array>
#include <limits>

#include "sim/base/check.hpp"
#include "sim/engine/fluid_solver.hpp"

namespace moesim {

int FluidSolver::add_grid(FlowGrid::Ports senders, FlowGrid::Ports receivers) {
  const int number = static_cast<int>(grids_.size());
  const FlowGrid& grid = grids_.emplace_back(std::move(senders), std::move(receivers));
  ending_cells_.emplace_back();
  for (int port = 0; port < grid.ports(); ++port) {
    if (grid.link(port) < 0) continue;
    LinkState& state = this->state(grid.link(port));
    MOESIM_CHECK(state.grid < 0, "a link is a port of one grid");
    state.grid = number;
    state.port = port;
  }
  return number;
}

void FluidSolver::admit_cell(const Newcomer& newcomer) {
  FlowGrid& grid = this->grid(newcomer.plane.grid);
  ++alive_;
  grid.admit(newcomer.plane.plane, newcomer.flow);
  for (const int link : grid.links(newcomer.flow)) load(link, 1, newcomer.waited);
}

// After all flows have rates: moves them to the end of the window.
void FluidSolver::end_grids(double window) {
  for (const FlowGrid& grid : grids_) {
    if (grid.flows() == 0) continue;
    grid.for_levels([&](int link, bool full, double spare) {
      LinkState& state = this->state(link);
      if (full) state.frozen = epoch_;
      state.spare = full ? 0 : grid.shared() ? state.spare + spare : spare;
    });
  }
  for (const Newcomer& newcomer : new_cells_)
    if (newcomer.waited > 0) catch_up_cell(newcomer);
  new_cells_.clear();
  move_grids(window, window);
}

// Lets a new flow carry what it would have carried while it waited; see catch_up.
void FluidSolver::catch_up_cell(const Newcomer& newcomer) {
  FlowGrid& grid = this->grid(newcomer.plane.grid);
  double& left = grid.left(newcomer.plane.plane, newcomer.flow);
  const double caught = std::min(grid.rate(newcomer.flow) * newcomer.waited, left);
  for (const int link : grid.links(newcomer.flow)) charge(link, caught);
  // The least that is not the mark of an ended flow.
  left = std::max(left - caught, std::numeric_limits<double>::min());
}

void FluidSolver::move_grids(double reach, double step) {
  for (std::size_t grid = 0; grid < grids_.size(); ++grid)
    if (grids_[grid].flows() > 0) grids_[grid].move(reach, step, ending_cells_[grid]);
}

void FluidSolver::pass_cells(double begin, double rounding, std::vector<FlowEnd>& ends) {
  for (std::size_t grid = 0; grid < grids_.size(); ++grid) {
    for (const FlowGrid::Ending& ending : ending_cells_[grid])
      pass_cell({.grid = static_cast<int>(grid), .plane = ending.plane}, ending.cell, begin,
                rounding, ends);
    ending_cells_[grid].clear();
  }
}

// Moves a flow from `begin` to `as_of_` over its end, if it does not have a debt to carry.
void FluidSolver::pass_cell(GridPlane plane, FlowId cell, double begin, double rounding,
                            std::vector<FlowEnd>& ends) {
  FlowGrid& grid = this->grid(plane.grid);
  double& left = grid.left(plane.plane, cell);
  const double rate = grid.rate(cell);
  for (double date = begin;;) {
    const double end = date + left / rate;
    if (end > as_of_ + rounding) {
      left -= rate * std::max(0.0, as_of_ - date);
      return;
    }
    date = end;
    left = take_debt(grid.links(cell));
    if (left > 0) continue;
    ends.push_back({.tag = grid.tag(plane.plane, cell), .date = Seconds(date)});
    return end_cell(plane, cell, rate * std::max(0.0, as_of_ - date));
  }
}

void FluidSolver::end_cell(GridPlane plane, FlowId cell, double unused_bytes) {
  FlowGrid& grid = this->grid(plane.grid);
  for (const int link : grid.links(cell)) {
    --info(link).active;
    release(link, unused_bytes);
  }
  changed_ = true;
  --batches_[static_cast<std::size_t>(grid.batch(plane.plane))].flows;
  --alive_;
  grid.end(plane.plane, cell);
}

void FluidSolver::find_earliest_on_grids() {
  for (const FlowGrid& grid : grids_)
    if (grid.flows() > 0) earliest_ = std::min(earliest_, grid.earliest());
}

// Flows on grids that have become nearly empty go on as others.
void FluidSolver::thin_out() {
  for (FlowGrid& grid : grids_) {
    if (grid.flows() == 0) continue;
    grid.thin_out([&](int plane, FlowId cell) {
      const FlowPart part{.bytes = grid.left(plane, cell)};
      FlowTag tag = grid.tag(plane, cell);
      const FlowId flow = flows_.add(grid.links(cell), tag, {&part, 1}, grid.batch(plane));
      flows_[flow].tag = tag;
      flows_.rate[flow] = grid.rate(cell);
      admitted_.push_back(flow);
      enlist(flow);
      grid.end(plane, cell);
    });
  }
}

}  // namespace moesim
