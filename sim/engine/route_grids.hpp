// Which direct routes lie on grids (flow_grid.hpp): those of two links that can fill, a port of the
// sender and a port of the receiver, which no other GPU of their side shares.
//
// Ports that routes connect, in however many steps, are one grid: the NICs of a cluster, and
// NVLink's ports of each domain. Takes 10 bytes a pair.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/engine/flow_grid.hpp"
#include "sim/engine/route_cache.hpp"

namespace moesim {

class RouteGrids {
 public:
  struct Grid {
    FlowGrid::Ports senders, receivers;
  };
  // Of a pair; −1: its flows are on no grid.
  struct Place {
    std::int16_t grid = -1, row = -1, column = -1;
    std::uint16_t latency = 0;  // RouteCache::Path's
    bool crosses_spine = false;
  };

  RouteGrids(const Cluster& cluster, RouteCache& routes);
  // Of two senders and two receivers at least.
  const std::vector<Grid>& grids() const { return grids_; }
  // [targets]
  std::span<const Place> places(GpuId source) const { return places_.row(source); }
  int sending_port(int grid, int row) const {
    return at(grid).senders.links[static_cast<std::size_t>(row)];
  }
  int receiving_port(const Place& place) const {
    return at(place.grid).receivers.links[static_cast<std::size_t>(place.column)];
  }

 private:
  const Grid& at(int grid) const { return grids_[static_cast<std::size_t>(grid)]; }

  std::vector<Grid> grids_;
  IdMatrix<GpuId, GpuId, Place> places_;
};

}  // namespace moesim
