#include "sim/engine/network.hpp"

#include <fmt/format.h>

#include "sim/engine/analytic_network.hpp"
#include "sim/engine/flow_network.hpp"

namespace moesim {

namespace {

// SimGrid's solver takes minutes for one all-to-all above this.
constexpr int kMaximumPairwiseGpus = 128;

}  // namespace

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
  if (options.fidelity == Fidelity::kPairwise && cluster.gpus() > kMaximumPairwiseGpus &&
      !options.force)
    throw InputError(
        {},
        fmt::format("network.fidelity 'pairwise' is refused above {} GPUs; there are {}",
                    kMaximumPairwiseGpus, cluster.gpus()),
        "use 'fluid', or set network.force: true");
  if (options.fidelity == Fidelity::kAnalytic)
    return std::make_unique<AnalyticNetwork>(cluster, clock);
  auto network = std::make_unique<FlowNetwork>(cluster, clock);
  network->use(options.fidelity == Fidelity::kPairwise
                   ? make_pairwise_carrier(clock, *network, platform)
                   : make_fluid_carrier(cluster, clock, options.tolerance, *network, platform));
  return network;
}

}  // namespace moesim
