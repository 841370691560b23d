// Flows that lie on grids: those of a leg that sends everything at once to nearly everybody.
#include <algorithm>

#include "sim/engine/flow_network.hpp"

namespace moesim {
namespace {

constexpr int kDense = 4;  // pairs of GPUs to a flow, at most

}  // namespace

bool FlowNetwork::fits_grids(const Leg& leg) const {
  if (leg.grouped || leg.request.schedule.window > 0 || !carrier_->grids()) return false;
  if (leg.request.leg->rule != RouteRule::kDirect || cluster_.gpus() > kMostSendersKept)
    return false;
  std::int64_t flows = 0;
  for (const Side& side : leg.out) flows += side.left;
  return flows * kDense >= std::int64_t{cluster_.gpus()} * (cluster_.gpus() - 1);
}

void FlowNetwork::open_planes(Leg& leg, int handle) {
  GridCarrier& carrier = *carrier_->grids();
  if (!grids_) {
    grids_.emplace(cluster_, routes_);
    for (const RouteGrids::Grid& grid : grids_->grids())
      carrier.add_grid(grid.senders, grid.receivers);
  }
  for (std::size_t grid = 0; grid < grids_->grids().size(); ++grid)
    leg.planes.push_back(carrier.open_plane(static_cast<int>(grid), handle, leg.batch));
}

// Starts the flows to all in `served_`.
void FlowNetwork::start_cells(Leg& leg, int handle, GpuId source, Seconds date) {
  const ExchangeLeg& traffic = *leg.request.leg;
  GridCarrier& carrier = *carrier_->grids();
  for (const GpuId target : served_) {
    const RouteGrids::Place place = grids_->place(source, target);
    if (place.grid < 0) {
      start_pair(leg, handle, source, target);
      continue;
    }
    const RouteCache::Path path = routes_.path(source, target, traffic.rule);
    const double wire = account(path, leg.request.phase, traffic.bytes(source, target),
                                inflation(traffic, source, target));
    const GridPlane plane = leg.planes[static_cast<std::size_t>(place.grid)];
    departing(plane, path.latency).push_back(carrier.prepare(plane, place.row, place.column, wire));
  }
  for (Departure& departure : departures_) {
    carrier.start(departure.plane, departure.cells,
                  date + routes_.latencies()[static_cast<std::size_t>(departure.latency)]);
    departure.cells.clear();
  }
}

std::vector<FlowId>& FlowNetwork::departing(GridPlane plane, int latency) {
  const auto fits = [&](const Departure& departure) {
    return departure.cells.empty() ||
           (departure.plane.grid == plane.grid && departure.latency == latency);
  };
  auto found = std::ranges::find_if(departures_, fits);
  if (found == departures_.end()) found = departures_.insert(departures_.end(), Departure{});
  found->plane = plane;
  found->latency = latency;
  return found->cells;
}

}  // namespace moesim
