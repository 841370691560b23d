#include "sim/engine/route_fans.hpp"

#include <map>

namespace moesim {

RouteFan RouteFans::build(GpuId source, RouteRule rule) const {
  RouteFan fan{.trunks = {}, .branches = IdVector<GpuId, RouteFan::Branch>(cluster_.gpus())};
  std::map<std::vector<int>, std::vector<int>> trunks_of;  // by links: they may differ otherwise
  for (const GpuId target : fan.branches.ids()) {
    if (target == source) continue;
    const Route route = cluster_.route(source, target, rule);
    RouteFan::Branch& branch = fan.branches[target];
    RouteFan::Trunk trunk{.latency = route.latency, .crosses_spine = route.crosses_spine};
    for (int hop = 0; hop < route.count; ++hop) {
      if (branch.port >= 0) trunk.links.push_back(branch.port);
      branch.port = route.links[static_cast<std::size_t>(hop)].value;
    }
    std::vector<int>& alike = trunks_of[trunk.links];
    for (const int each : alike)
      if (fan.trunks[static_cast<std::size_t>(each)] == trunk) branch.trunk = each;
    if (branch.trunk >= 0) continue;
    branch.trunk = static_cast<int>(fan.trunks.size());
    alike.push_back(branch.trunk);
    fan.trunks.push_back(std::move(trunk));
  }
  return fan;
}

}  // namespace moesim
