// Which direct routes lie on grids (flow_grid.hpp): those of two links that can fill, a port of the
// sender and a port of the receiver, which no other GPU of their side shares.
//
// Ports that routes connect, in however many steps, are one grid: the NICs of a cluster, and
// NVLink's ports of each domain. Takes 4 bytes a pair.
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
  struct Lane {
    std::uint16_t target = 0, column = 0;
  };
  // Routes of one GPU that differ in nothing but their target.
  struct Bundle {
    int grid = -1, row = -1;
    int latency = 0;  // RouteCache::Path's
    bool is_local = false, crosses_spine = false;
    std::vector<Lane> lanes;
  };
  struct Fan {
    std::vector<Bundle> bundles;
    std::vector<GpuId> others;  // targets that no route on a grid leads to
  };

  RouteGrids(const Cluster& cluster, RouteCache& routes);
  // Of two senders and two receivers at least.
  const std::vector<Grid>& grids() const { return grids_; }
  // All routes from a GPU to others.
  const Fan& from(GpuId source) const { return fans_[source]; }
  // Of a bundle's routes.
  int sending_port(const Bundle& bundle) const {
    return at(bundle.grid).senders.links[static_cast<std::size_t>(bundle.row)];
  }
  // [columns]
  const std::vector<int>& receiving_ports(const Bundle& bundle) const {
    return at(bundle.grid).receivers.links;
  }

 private:
  const Grid& at(int grid) const { return grids_[static_cast<std::size_t>(grid)]; }

  std::vector<Grid> grids_;
  IdVector<GpuId, Fan> fans_;
};

}  // namespace moesim
