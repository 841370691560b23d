#include "sim/engine/network.hpp"

#include "sim/engine/analytic_network.hpp"
#include "sim/engine/flow_network.hpp"

namespace moesim {

Network::Network(const Cluster& cluster, Clock& clock) : cluster_(cluster), clock_(clock) {
  use_.bytes.raw().assign(cluster.links().size(), 0);
  use_.wire_bytes.raw().assign(cluster.links().size(), 0);
}

double Network::account(const Route& route, double bytes, double inflation) {
  const double wire = bytes * inflation;
  for (int hop = 0; hop < route.count; ++hop) {
    const LinkId link = route.links[static_cast<std::size_t>(hop)];
    use_.bytes[link] += bytes;
    use_.wire_bytes[link] += wire;
  }
  return wire;
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
  // About the last two flows of every sender or, aggregated, of every node.
  const int tail = 2 * (aggregate ? cluster.nodes() : cluster.gpus());
  const FluidSolver::Options solver{.tolerance = options.tolerance,
                                    .exact_tail = static_cast<std::size_t>(tail)};
  network->use(make_fluid_carrier(cluster, clock, solver, *network, platform));
  return network;
}

}  // namespace moesim
