#include "sim/engine/flow_grid.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "sim/base/check.hpp"
#include "sim/engine/grid_kernels.hpp"

namespace moesim {
namespace {

std::size_t padded(std::size_t ports) { return (ports + kLanes - 1) / kLanes * kLanes; }

std::vector<int> one_after_the_other(std::vector<int> senders, std::size_t rows,
                                     const std::vector<int>& receivers, std::size_t columns) {
  senders.resize(rows, -1);
  senders.insert(senders.end(), receivers.begin(), receivers.end());
  senders.resize(rows + columns, -1);
  return senders;
}

}  // namespace

FlowGrid::FlowGrid(Ports senders, Ports receivers)
    : rows_(padded(senders.links.size())),
      columns_(padded(receivers.links.size())),
      links_(one_after_the_other(std::move(senders.links), rows_, receivers.links, columns_)),
      gpus_(one_after_the_other(std::move(senders.gpus), rows_, receivers.gpus, columns_)),
      ends_(columns_),
      matrix_(rows_ * columns_),
      transposed_(rows_ * columns_),
      flows_of_port_(rows_ + columns_),
      open_(rows_ + columns_),
      spare_(rows_ + columns_),
      levels_(rows_ + columns_, kUnlimited) {}

FlowTag FlowGrid::tag(int plane, FlowId cell) const {
  return {.leg = planes_[static_cast<std::size_t>(plane)].leg,
          .source = gpus_[row_of(cell)],
          .target = gpus_[rows_ + column_of(cell)]};
}

int FlowGrid::open(int leg, int batch) {
  const auto is_free = [](const Plane& plane) {
    return !plane.open && plane.waiting == 0 && plane.flows == 0;
  };
  auto free = std::ranges::find_if(planes_, is_free);
  if (free == planes_.end()) {
    planes_.push_back(
        {.left = AlignedVector<double>(rows_ * columns_), .row_flows = std::vector<int>(rows_)});
    free = planes_.end() - 1;
  }
  free->leg = leg;
  free->batch = batch;
  free->open = true;
  return static_cast<int>(free - planes_.begin());
}

FlowId FlowGrid::prepare(int plane, int row, const Load& load) {
  const FlowId cell = cell_of(static_cast<std::size_t>(row), static_cast<std::size_t>(load.column));
  Plane& to = at(plane);
  double& left = to.left[place_of(cell)];
  MOESIM_CHECK(left == 0, "a pair of ports has one flow in a plane");
  left = -load.bytes;
  ++to.waiting;
  return cell;
}

void FlowGrid::admit(int plane, std::span<const FlowId> cells) {
  Plane& to = at(plane);
  to.waiting -= cells.size();
  to.flows += cells.size();
  to.row_flows[row_of(cells.front())] += static_cast<int>(cells.size());
  flows_ += cells.size();
  for (const FlowId cell : cells) {
    double& left = to.left[place_of(cell)];
    left = -left;
    count(cell, 1);
  }
}

void FlowGrid::end(int plane, FlowId cell) {
  Plane& from = at(plane);
  from.left[place_of(cell)] = 0;
  --from.flows;
  --from.row_flows[row_of(cell)];
  --flows_;
  count(cell, -1);
}

void FlowGrid::count(FlowId cell, int flows) {
  const std::size_t row = row_of(cell), column = column_of(cell);
  matrix_[place_of(cell)] += static_cast<float>(flows);
  transposed_[column * rows_ + row] += static_cast<float>(flows);
  flows_of_port_[row] += flows;
  flows_of_port_[rows_ + column] += flows;
}

std::size_t FlowGrid::freeze(std::size_t port, double rate) {
  const GridKernels& kernels = grid_kernels().front();
  levels_[port] = rate;
  if (port < rows_) {
    kernels.take(columns_, &matrix_[port * columns_], rate, &spare_[rows_], &open_[rows_]);
  } else {
    kernels.take(rows_, &transposed_[(port - rows_) * rows_], rate, spare_.data(), open_.data());
  }
  return static_cast<std::size_t>(std::exchange(open_[port], 0));
}

void FlowGrid::move(double reach, double step, std::vector<Ending>& ending) {
  const GridKernels& kernels = grid_kernels().front();
  for (std::size_t plane = 0; plane < planes_.size(); ++plane) {
    Plane& moving = planes_[plane];
    if (moving.flows == 0) continue;
    for (std::size_t row = 0; row < rows_; ++row) {
      if (moving.row_flows[row] == 0) continue;
      const std::size_t count = kernels.move(columns_, &levels_[rows_], levels_[row], reach, step,
                                             &moving.left[row * columns_], ends_.data());
      for (std::size_t end = 0; end < count; ++end)
        ending.push_back({.plane = static_cast<int>(plane),
                          .cell = cell_of(row, static_cast<std::size_t>(ends_[end]))});
    }
  }
}

double FlowGrid::earliest() const {
  double earliest = std::numeric_limits<double>::infinity();
  for (const Plane& plane : planes_) {
    if (plane.flows == 0) continue;
    for (std::size_t row = 0; row < rows_; ++row) {
      if (plane.row_flows[row] == 0) continue;
      const double* left = &plane.left[row * columns_];
      for (std::size_t column = 0; column < columns_; ++column)
        if (left[column] > 0)
          earliest =
              std::min(earliest, left[column] / std::min(levels_[row], levels_[rows_ + column]));
    }
  }
  return earliest;
}

}  // namespace moesim
