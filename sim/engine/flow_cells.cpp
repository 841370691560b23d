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
  leg.busy.raw().assign(leg.out.size(), Busy{});
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
  const std::span<const double> bytes = traffic.bytes.row(source);
  const std::span<const RouteGrids::Place> places = grids_->places(source);
  LinkUse& use = use_of(leg.request.phase);
  for (const GpuId target : served_) {
    const RouteGrids::Place& place = places[target.index()];
    if (place.grid < 0) {
      start_pair(leg, handle, source, target);
      continue;
    }
    const double size = bytes[target.index()];
    const double wire = size * inflation(traffic, source, target);
    const LinkId in(grids_->receiving_port(place));
    use.bytes[in] += size;
    use.wire_bytes[in] += wire;
    if (place.crosses_spine) use.spine_bytes += size;
    Departure& departure = departing(place);
    departure.loads.push_back({.column = place.column, .bytes = wire});
    departure.bytes += size;
    departure.wire += wire;
  }
  for (Departure& departure : departures_)
    if (!departure.loads.empty()) depart(leg, departure, date);
}

FlowNetwork::Departure& FlowNetwork::departing(const RouteGrids::Place& place) {
  for (Departure& departure : departures_)
    if (departure.grid == place.grid && departure.row == place.row &&
        departure.latency == place.latency)
      return departure;
  auto free = std::ranges::find_if(
      departures_, [](const Departure& departure) { return departure.loads.empty(); });
  if (free == departures_.end()) free = departures_.insert(departures_.end(), Departure{});
  free->grid = place.grid;
  free->row = place.row;
  free->latency = place.latency;
  return *free;
}

void FlowNetwork::depart(const Leg& leg, Departure& departure, Seconds date) {
  const LinkId out(grids_->sending_port(departure.grid, departure.row));
  LinkUse& use = use_of(leg.request.phase);
  use.bytes[out] += departure.bytes;
  use.wire_bytes[out] += departure.wire;
  const Seconds latency = routes_.latencies()[static_cast<std::size_t>(departure.latency)];
  carrier_->grids()->start(leg.planes[static_cast<std::size_t>(departure.grid)], departure.row,
                           departure.loads, date + latency);
  departure.loads.clear();
  departure.bytes = departure.wire = 0;
}

}  // namespace moesim
