#include "sim/shared_parts.hpp"

#include <algorithm>

#include "sim/model/collective_exchange.hpp"

namespace moesim {
namespace {

std::string label_of(CollectiveKind kind) {
  std::string label = to_string(kind);
  std::replace(label.begin(), label.end(), '_', '-');
  return label;
}

}  // namespace

Part collective_of(CollectiveKind kind, const GpuGroups& groups, const HeldBytes& held,
                   const Grid& grid, const CostModel& cost) {
  std::vector<double> sizes;
  for (const std::vector<GpuId>& group : groups) {
    sizes.push_back(0);
    for (const GpuId gpu : group) sizes.back() += held[gpu];
  }
  const double most = *std::max_element(sizes.begin(), sizes.end());
  if (groups.front().size() < 2 || !(most > 0)) return {};
  std::vector<Collective> collectives;
  for (const std::vector<GpuId>& group : groups)
    collectives.push_back({.group = group,
                           .kind = kind,
                           .size = Bytes(most),
                           .library = grid.parallel().collectives,
                           .phase = Phase::kCollective});
  Exchange exchange = expand(collectives, grid.cluster(), cost);
  for (ExchangeLeg& leg : exchange.legs)
    for (std::size_t i = 0; i < groups.size(); ++i)
      for (const GpuId source : groups[i])
        for (double& entry : leg.bytes.row(source)) entry *= sizes[i] / most;
  return {{std::move(exchange), label_of(kind)}};
}

Part gather_tokens(const GpuGroups& groups, const HeldBytes& held, const Grid& grid,
                   const CostModel& cost) {
  if (!grid.parallel().scattered) return {};
  return collective_of(CollectiveKind::kAllGather, groups, held, grid, cost);
}

Part sum_tokens(const GpuGroups& groups, const HeldBytes& held, const Grid& grid,
                const CostModel& cost) {
  const auto kind =
      grid.parallel().scattered ? CollectiveKind::kReduceScatter : CollectiveKind::kAllReduce;
  return collective_of(kind, groups, held, grid, cost);
}

}  // namespace moesim
