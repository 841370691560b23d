#include "sim/engine/network.hpp"

#include <algorithm>

#include "sim/engine/analytic_network.hpp"
#include "sim/engine/flow_network.hpp"

namespace moesim {
namespace {

// What aggregation itself is off by is more than a finer one would gain.
constexpr double kAggregatedTolerance = 0.01;

}  // namespace

Network::Network(const Cluster& cluster, Clock& clock) : cluster_(cluster), clock_(clock) {
  for (LinkUse& use : uses_) {
    use.bytes.raw().assign(cluster.links().size(), 0);
    use.wire_bytes.raw().assign(cluster.links().size(), 0);
  }
}

Route Network::route_of(const Transfer& transfer) const {
  if (transfer.from == Store::kGpu && transfer.to == Store::kGpu)
    return cluster_.route(transfer.source, transfer.target, RouteRule::kDirect);
  MOESIM_CHECK(transfer.source == transfer.target, "a GPU copies from and to its own node");
  return cluster_.store_route(transfer.source, transfer.from, transfer.to);
}

std::unique_ptr<Network> make_network(const NetworkOptions& options, const Cluster& cluster,
                                      Clock& clock, Platform& platform) {
  if (options.fidelity == Fidelity::kAnalytic)
    return std::make_unique<AnalyticNetwork>(cluster, clock);
  const bool aggregate = options.fidelity == Fidelity::kAggregated;
  auto network = std::make_unique<FlowNetwork>(cluster, clock, aggregate);
  if (options.fidelity == Fidelity::kPairwise) {
    network->use(make_pairwise_carrier(clock, *network, platform));
    return network;
  }
  double tolerance = options.tolerance;
  if (aggregate && tolerance > 0) tolerance = std::max(tolerance, kAggregatedTolerance);
  network->use(make_fluid_carrier(cluster, tolerance, clock, *network, platform));
  return network;
}

}  // namespace moesim
