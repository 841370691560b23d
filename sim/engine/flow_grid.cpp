#include "sim/engine/flow_grid.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "sim/base/check.hpp"

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
      flows_of_port_(rows_ + columns_),
      open_(rows_ + columns_),
      spare_(rows_ + columns_),
      levels_(rows_ + columns_, kUnlimited),
      capacity_(rows_ + columns_),
      credit_(rows_ + columns_),
      idle_(rows_ + columns_),
      others_(rows_ + columns_),
      kernels_(grid_kernels().front()) {}

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
    planes_.push_back({.left = AlignedVector<double>(rows_ * columns_),
                       .ports = std::vector<PlanePort>(links_.size()),
                       .rows = std::vector<std::uint8_t>(rows_ * columns_ / kLanes),
                       .columns = std::vector<std::uint8_t>(rows_ * columns_ / kLanes)});
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

void FlowGrid::admit(int plane, std::span<const FlowId> cells, double waited) {
  Plane& to = at(plane);
  to.waiting -= cells.size();
  for (const FlowId cell : cells) {
    double& left = to.left[place_of(cell)];
    left = -left;
    enter(to, cell);
    if (waited <= 0) continue;
    for (const std::size_t port : ports_of(cell)) let_wait(port, waited);
  }
}

// What the link had to spare while the first of its new flows waited.
void FlowGrid::let_wait(std::size_t port, double waited) {
  idle_[port] += take_spare(port) * waited;
}

void FlowGrid::catch_up(int plane, std::span<const FlowId> cells, double waited) {
  Plane& to = at(plane);
  for (const FlowId cell : cells) {
    double& left = to.left[place_of(cell)];
    const double caught = std::min(rate(cell) * waited, left);
    for (const std::size_t port : ports_of(cell)) charge(caught, idle_[port], credit_[port]);
    // The least that is not the mark of an ended flow.
    left = std::max(left - caught, std::numeric_limits<double>::min());
  }
}

void FlowGrid::release(FlowId cell, double unused_bytes) {
  for (const std::size_t port : ports_of(cell))
    (is_full(port) ? credit_[port] : idle_[port]) += unused_bytes;
}

void FlowGrid::end(int plane, FlowId cell, Seconds date, std::vector<PortEnd>& ends) {
  Plane& from = at(plane);
  leave(from, cell);
  for (const std::size_t port : ports_of(cell)) {
    PlanePort& used = from.ports[port];
    ++used.ended;
    used.last = std::max(used.last, date.value);
    if (used.flows == 0) tell_port(from, port, ends);
  }
}

// If there is anything to tell.
void FlowGrid::tell_port(Plane& plane, std::size_t port, std::vector<PortEnd>& ends) {
  PlanePort& used = plane.ports[port];
  if (used.ended == 0) return;
  ends.push_back({.leg = plane.leg,
                  .gpu = gpus_[port],
                  .sends = port < rows_,
                  .flows = used.ended,
                  .last = Seconds(used.last)});
  used.ended = 0;
  used.last = 0;
}

bool FlowGrid::begin_fill(const FillWindow& window) {
  if (flows_ == 0 && !has_others_ && !filled_) return false;
  filled_ = flows_ > 0 || has_others_;
  open_ = flows_of_port_;
  std::ranges::fill(levels_, kUnlimited);
  return kernels_.widen(links_.size(), window,
                        {.flows = open_.data(),
                         .others = others_.data(),
                         .capacity = capacity_.data(),
                         .credit = credit_.data(),
                         .spare = spare_.data()});
}

std::size_t FlowGrid::freeze(std::size_t port, double rate) {
  levels_[port] = rate;
  const bool is_row = port < rows_;
  const std::size_t others = is_row ? columns_ : rows_, other = is_row ? rows_ : 0;
  const std::size_t first = (is_row ? port : port - rows_) * others / kLanes;
  for (const Plane& plane : planes_) {
    if (plane.ports[port].flows == 0) continue;
    const std::uint8_t* flows = &(is_row ? plane.rows : plane.columns)[first];
    kernels_.take(others, flows, rate, &spare_[other], &open_[other]);
  }
  return static_cast<std::size_t>(std::exchange(open_[port], 0));
}

void FlowGrid::move(double reach, double step, std::vector<Ending>& ending) {
  for (std::size_t plane = 0; plane < planes_.size(); ++plane) {
    Plane& moving = planes_[plane];
    if (moving.flows == 0) continue;
    for (std::size_t row = 0; row < rows_; ++row) {
      if (moving.ports[row].flows == 0) continue;
      const std::size_t count = kernels_.move(columns_, &levels_[rows_], levels_[row], reach, step,
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
      if (plane.ports[row].flows == 0) continue;
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
