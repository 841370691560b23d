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

// All that `source` sends begins to leave at `date`.
void FlowNetwork::send_on_grids(Leg& leg, int handle, GpuId source, Seconds date) {
  const std::span<const double> bytes = leg.request.leg->bytes.row(source);
  served_.clear();
  for (const GpuId target : IdRange<GpuId>(cluster_.gpus()))
    if (target != source && bytes[target.index()] > 0) served_.push_back(target);
  begin_busy(leg, source, date);
  alone_ += served_.size();
  leg.senders[source].in_flight += static_cast<int>(served_.size());
  const RouteGrids::Fan& fan = grids_->from(source);
  for (const RouteGrids::Bundle& bundle : fan.bundles) start_bundle(leg, bundle, bytes, date);
  for (const GpuId target : fan.others)
    if (bytes[target.index()] > 0) start_pair(leg, handle, source, target);
  depart(date);
}

// `bytes` [targets]
void FlowNetwork::start_bundle(const Leg& leg, const RouteGrids::Bundle& bundle,
                               std::span<const double> bytes, Seconds date) {
  const ExchangeLeg& traffic = *leg.request.leg;
  const double inflated = inflation(traffic, bundle.is_local);
  const std::vector<int>& ports = grids_->receiving_ports(bundle);
  LinkUse& use = use_of(leg.request.phase);
  double total = 0;
  loads_.clear();
  for (const RouteGrids::Lane& lane : bundle.lanes) {
    const double size = bytes[lane.target];
    if (size <= 0) continue;
    const LinkId in(ports[lane.column]);
    use.bytes[in] += size;
    use.wire_bytes[in] += size * inflated;
    total += size;
    loads_.push_back({.column = lane.column, .bytes = size * inflated});
  }
  if (loads_.empty()) return;
  const LinkId out(grids_->sending_port(bundle));
  use.bytes[out] += total;
  use.wire_bytes[out] += total * inflated;
  if (bundle.crosses_spine) use.spine_bytes += total;
  const Seconds latency = routes_.latencies()[static_cast<std::size_t>(bundle.latency)];
  carrier_->grids()->start(leg.planes[static_cast<std::size_t>(bundle.grid)], bundle.row, loads_,
                           date + latency);
}

}  // namespace moesim
