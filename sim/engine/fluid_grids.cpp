// The flows of the fluid solver that lie on grids.
#include <algorithm>
#include <utility>

#include "sim/base/check.hpp"
#include "sim/engine/fluid_solver.hpp"

namespace moesim {

int FluidSolver::add_grid(FlowGrid::Ports senders, FlowGrid::Ports receivers) {
  const int number = static_cast<int>(grids_.size());
  const FlowGrid& grid = grids_.emplace_back(std::move(senders), std::move(receivers),
                                             [this](int link) { return info(link).capacity; });
  ending_cells_.emplace_back();
  for (int port = 0; port < grid.ports(); ++port) {
    if (grid.link(port) < 0) continue;
    LinkState& state = this->state(grid.link(port));
    MOESIM_CHECK(state.grid < 0, "a link is a port of one grid");
    FlowGrid& on = this->grid(number);
    on.credit(port) = info(grid.link(port)).credit;
    on.idle(port) = info(grid.link(port)).idle;
    on.spare(port) = state.spare;
    state.grid = number;
    state.port = port;
    state.spare = 0;
  }
  return number;
}

void FluidSolver::start(GridPlane plane, int row, std::span<const FlowGrid::Load> loads,
                        Seconds date) {
  FlowGrid& grid = this->grid(plane.grid);
  batches_[static_cast<std::size_t>(grid.batch(plane.plane))].flows +=
      static_cast<int>(loads.size());
  cells_.clear();
  for (const FlowGrid::Load& load : loads) cells_.push_back(grid.prepare(plane.plane, row, load));
  begin(grid.batch(plane.plane), date);
  arrivals_.add(cells_, date, plane);
}

template <class Take>
void FluidSolver::for_new_rows(const Take& take) {
  std::size_t begin = 0;
  for (const NewRow& row : new_rows_) {
    take(row, std::span(std::as_const(new_cells_)).subspan(begin, row.end - begin));
    begin = row.end;
  }
}

void FluidSolver::admit_rows() {
  for_new_rows([this](const NewRow& row, std::span<const FlowId> cells) {
    FlowGrid& grid = this->grid(row.plane.grid);
    alive_ += cells.size();
    grid.admit(row.plane.plane, cells, row.waited);
  });
}

// After all flows have rates: moves them to the end of the window.
void FluidSolver::end_grids(double window) {
  for (const int link : used_links_) {
    LinkState& state = this->state(link);
    if (state.grid < 0) continue;
    double& spare = grid(state.grid).spare(state.port);
    spare = state.frozen == epoch_ ? 0 : spare + state.spare;
    state.spare = 0;
  }
  for_new_rows([this](const NewRow& row, std::span<const FlowId> cells) {
    if (row.waited > 0) grid(row.plane.grid).catch_up(row.plane.plane, cells, row.waited);
  });
  new_rows_.clear();
  new_cells_.clear();
  move_grids(window, window);
}

void FluidSolver::move_grids(double reach, double step) {
  for (std::size_t grid = 0; grid < grids_.size(); ++grid)
    if (grids_[grid].flows() > 0) grids_[grid].move(reach, step, ending_cells_[grid]);
}

void FluidSolver::pass_cells(double begin, double rounding, FlowEnds& ends) {
  for (std::size_t grid = 0; grid < grids_.size(); ++grid) {
    for (const FlowGrid::Ending& ending : ending_cells_[grid])
      pass_cell({.grid = static_cast<int>(grid), .plane = ending.plane}, ending.cell, begin,
                rounding, ends);
    ending_cells_[grid].clear();
  }
}

void FluidSolver::pass_cell(GridPlane plane, FlowId cell, double begin, double rounding,
                            FlowEnds& ends) {
  FlowGrid& grid = this->grid(plane.grid);
  pass_ends(
      grid.left(plane.plane, cell), grid.rate(cell), begin, rounding,
      [&] {
        if (tolerance_ <= 0) return 0.0;
        return grid.take_debt(cell, [this](int link) { return info(link).active > 0; });
      },
      [&](double date, double unused_bytes) {
        if (tolerance_ > 0) grid.release(cell, unused_bytes);
        changed_ = true;
        leave_batch(grid.batch(plane.plane));
        grid.end(plane.plane, cell, Seconds(date), ends.ports);
        return true;
      });
}

void FluidSolver::find_earliest_on_grids() {
  for (const FlowGrid& grid : grids_)
    if (grid.flows() > 0) earliest_ = std::min(earliest_, grid.earliest());
}

// Flows on grids that have become nearly empty go on as others.
void FluidSolver::thin_out(FlowEnds& ends) {
  for (FlowGrid& grid : grids_) {
    if (grid.flows() == 0) continue;
    grid.thin_out(ends.ports, [&](int plane, FlowId cell) {
      const FlowTag tag = grid.tag(plane, cell);
      const FlowPart part{.bytes = grid.left(plane, cell), .target = tag.target};
      const FlowId flow = flows_.add(grid.links(cell), tag, {&part, 1}, grid.batch(plane));
      flows_.rate[flow] = grid.rate(cell);
      admitted_.push_back(flow);
      enlist(flow);
      for (const int link : grid.links(cell)) load(link, 1, 0);
      changed_ = true;
    });
  }
}

}  // namespace moesim
