// Flows from one set of ports to another, where nearly every pair has one, as matrices: a row for
// each sending port and a column for each receiving one.
//
// A port's flows are then handled a vector at a time, and nothing is stored for a flow but the
// bytes that it has left: all flows of a pair go at the same rate, the lower of its ports' levels.
// A grid has planes, each with at most one flow for a pair: those of one leg.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "sim/base/aligned_vector.hpp"
#include "sim/engine/fill_by_level.hpp"
#include "sim/engine/flow_table.hpp"
#include "sim/engine/grid_kernels.hpp"
#include "sim/engine/link_account.hpp"

namespace moesim {

class FlowGrid {
 public:
  struct Ports {
    std::vector<int> links;  // of the solver
    std::vector<int> gpus;   // FlowTag's source or target of all that the port carries
  };
  // What a flow carries to a column.
  struct Load {
    int column = -1;
    double bytes = 0;  // above 0
  };
  struct Ending {
    int plane = -1;
    FlowId cell = 0;
  };
  // That all flows of a port under way in a leg have ended.
  struct PortEnd {
    int leg = -1, gpu = -1;
    bool sends = false;
    int flows = 0;  // that have ended since the port was told last
    Seconds last;   // the latest end
  };

  // Up to 65536 of each. `capacity` gives the bytes/s of a link.
  template <class Capacity>
  FlowGrid(Ports senders, Ports receivers, const Capacity& capacity)
      : FlowGrid(std::move(senders), std::move(receivers)) {
    for (std::size_t port = 0; port < links_.size(); ++port)
      if (links_[port] >= 0) capacity_[port] = spare_[port] = capacity(links_[port]);
  }

  // A port's number: those of the senders come first.
  int ports() const { return static_cast<int>(links_.size()); }
  int link(int port) const { return links_[static_cast<std::size_t>(port)]; }  // −1: no port
  // Of both ports of a flow.
  std::array<int, 2> links(FlowId cell) const {
    return {links_[row_of(cell)], links_[rows_ + column_of(cell)]};
  }
  FlowTag tag(int plane, FlowId cell) const;

  // Flows of a leg and a batch.
  int open(int leg, int batch);
  // No more will be prepared.
  void close(int plane) { at(plane).open = false; }
  int batch(int plane) const { return planes_[static_cast<std::size_t>(plane)].batch; }

  // A flow of a row that is not under way yet, known by its cell in the plane.
  FlowId prepare(int plane, int row, const Load& load);
  // Flows of one row begin, which have waited for so many seconds.
  void admit(int plane, std::span<const FlowId> cells, double waited);
  // Lets them carry what they would have carried meanwhile, at the rates that they have now.
  void catch_up(int plane, std::span<const FlowId> cells, double waited);
  void end(int plane, FlowId cell, Seconds date, std::vector<PortEnd>& ends);
  // Bytes; of a flow that is under way.
  double& left(int plane, FlowId cell) { return at(plane).left[place_of(cell)]; }
  // A flow has ended that could have carried so many bytes more in the window.
  void release(FlowId cell, double unused_bytes);
  // What the last flow of a port has to carry besides its own bytes; `carries_others` tells whether
  // flows that are not on the grid use a link.
  template <class CarriesOthers>
  double take_debt(FlowId cell, const CarriesOthers& carries_others) {
    double debt = 0;
    for (const std::size_t port : ports_of(cell)) {
      if (credit_[port] >= 0 || flows_of_port_[port] > 1 || carries_others(links_[port])) continue;
      debt = std::max(debt, moesim::take_debt(credit_[port]));
    }
    return debt;
  }
  // Flows under way.
  std::size_t flows() const { return flows_; }
  int flows_of(int port) const {
    return static_cast<int>(flows_of_port_[static_cast<std::size_t>(port)]);
  }
  // Of a port, in bytes, for flows of its link that are not on the grid: see LinkInfo.
  double& credit(int port) { return credit_[static_cast<std::size_t>(port)]; }
  double& idle(int port) { return idle_[static_cast<std::size_t>(port)]; }
  // What the last fill left of its link, bytes/s.
  double& spare(int port) { return spare_[static_cast<std::size_t>(port)]; }
  double take_spare(std::size_t port) {
    const double spare = std::exchange(spare_[port], 0);
    return is_full(port) ? 0 : spare;
  }

  // A fill. First no link carries flows that are not on the grid, then those that are told. If
  // there are any on links with flows on the grid, it is shared: then it is filled port by port,
  // and share_of() is what its own flows add to a link's.
  void prepare_fill() {
    if (has_others_) std::ranges::fill(others_, 0);
    has_others_ = shared_ = false;
  }
  void add_others(int port) {
    others_[static_cast<std::size_t>(port)] = 1;
    has_others_ = true;
    if (flows_of(port) > 0) shared_ = true;
  }
  bool shared() const { return shared_; }
  // No port has a level yet. Whether links are wider or narrower than they are for long.
  bool begin_fill(const FillWindow& window);
  LinkShare share_of(std::size_t port) const {
    return {.spare = spare_[port], .unfrozen = open_[port]};
  }
  // Gives a rate to the flows of a port that have none; how many.
  std::size_t freeze(std::size_t port, double rate);
  template <class Queue>
  void fill(Queue& queue) {
    fill_by_level(
        queue, links_.size(), flows_, [this](std::size_t port) { return share_of(port); },
        [this](std::size_t port, double rate) { return freeze(port, rate); });
  }
  // Tells the links with flows on the grid.
  template <class Tell>
  void for_links(const Tell& tell) const {
    for (std::size_t port = 0; port < links_.size(); ++port)
      if (flows_of_port_[port] > 0) tell(links_[port]);
  }
  // All flows that waited have caught up.
  void forget_idle() {
    if (filled_) std::ranges::fill(idle_, 0);
  }
  double rate(FlowId cell) const {
    return std::min(levels_[row_of(cell)], levels_[rows_ + column_of(cell)]);
  }

  // Moves all flows on by `step` seconds, but for those that end within `reach` seconds.
  void move(double reach, double step, std::vector<Ending>& ending);
  // Seconds until the first flow ends.
  double earliest() const;
  // Takes out the flows of each plane that nothing will come to, and that has fewer of them than
  // rows: it is faster to handle these one by one. Tells plane and cell of each.
  template <class Tell>
  void thin_out(std::vector<PortEnd>& ends, const Tell& tell) {
    for (std::size_t number = 0; number < planes_.size(); ++number) {
      Plane& plane = planes_[number];
      if (plane.open || plane.waiting > 0 || plane.flows == 0) continue;
      if (plane.flows >= rows_) continue;
      for (std::size_t place = 0; place < plane.left.size(); place += kLanes) {
        for (unsigned bits = plane.rows[place / kLanes]; bits != 0; bits &= bits - 1) {
          const std::size_t at = place + static_cast<std::size_t>(std::countr_zero(bits));
          const FlowId cell = cell_of(at / columns_, at % columns_);
          tell(static_cast<int>(number), cell);
          leave(plane, cell);
        }
      }
      for (std::size_t port = 0; port < links_.size(); ++port) tell_port(plane, port, ends);
    }
  }

 private:
  // The level of a port that is not full, bytes/s: above all others, and finite when multiplied.
  static constexpr double kUnlimited = 1e200;

  // What a port does in a plane.
  struct PlanePort {
    int flows = 0;    // under way
    int ended = 0;    // that nobody was told of
    double last = 0;  // date of the latest end
  };
  struct Plane {
    int leg = -1, batch = -1;
    bool open = false;
    std::size_t waiting = 0;       // prepared, not admitted
    std::size_t flows = 0;         // under way
    AlignedVector<double> left;    // [rows × columns] bytes; 0 = no flow, below 0: it waits
    std::vector<PlanePort> ports;  // [ports]
    // Flows under way: a bit for each column of each row, and for each row of each column.
    std::vector<std::uint8_t> rows, columns;
  };
  Plane& at(int plane) { return planes_[static_cast<std::size_t>(plane)]; }
  // A cell is two halves, so that nobody has to divide to find its row.
  static FlowId cell_of(std::size_t row, std::size_t column) {
    return static_cast<FlowId>(row << 16 | column);
  }
  static std::size_t row_of(FlowId cell) { return cell >> 16; }
  static std::size_t column_of(FlowId cell) { return cell & 0xffff; }
  std::array<std::size_t, 2> ports_of(FlowId cell) const {
    return {row_of(cell), rows_ + column_of(cell)};
  }
  std::size_t place_of(FlowId cell) const { return row_of(cell) * columns_ + column_of(cell); }
  FlowGrid(Ports senders, Ports receivers);
  bool is_full(std::size_t port) const { return levels_[port] < kUnlimited; }
  void let_wait(std::size_t port, double waited);
  void enter(Plane& plane, FlowId cell) { count(plane, cell, 1); }
  void leave(Plane& plane, FlowId cell) {
    plane.left[place_of(cell)] = 0;
    count(plane, cell, -1);
  }
  void count(Plane& plane, FlowId cell, int flows) {
    const std::size_t row = row_of(cell), column = column_of(cell);
    plane.rows[place_of(cell) / kLanes] ^= static_cast<std::uint8_t>(1u << (column % kLanes));
    plane.columns[(column * rows_ + row) / kLanes] ^=
        static_cast<std::uint8_t>(1u << (row % kLanes));
    plane.flows += static_cast<std::size_t>(flows);
    flows_ += static_cast<std::size_t>(flows);
    for (const std::size_t port : ports_of(cell)) {
      plane.ports[port].flows += flows;
      flows_of_port_[port] += flows;
    }
  }
  void tell_port(Plane& plane, std::size_t port, std::vector<PortEnd>& ends);

  std::size_t rows_ = 0, columns_ = 0;  // multiples of kLanes
  std::vector<int> links_, gpus_;       // [ports]
  std::vector<Plane> planes_;
  std::size_t flows_ = 0;
  bool filled_ = false;      // links had flows in the last fill
  bool has_others_ = false;  // on any link
  bool shared_ = false;
  std::vector<int> ends_;  // of one row
  // [ports]
  AlignedVector<double> flows_of_port_, open_, spare_, levels_;
  AlignedVector<double> capacity_, credit_, idle_;
  AlignedVector<double> others_;  // 1: its link carries flows that are not on the grid
  GridKernels kernels_;
};

}  // namespace moesim
