#include "sim/engine/route_cache.hpp"

namespace moesim {

RouteCache::RouteCache(const Cluster& cluster) : cluster_(cluster) {
  if (cluster.gpus() > kMostSendersKept) return;
  for (auto& rows : rows_) rows = IdVector<GpuId, Row>(cluster.gpus());
}

void RouteCache::build(Row& row, GpuId source, RouteRule rule) {
  const IdRange<GpuId> targets(cluster_.gpus());
  row.begin.push_back(0);
  for (const GpuId target : targets) {
    row.latency.push_back(0);
    row.crosses_spine.push_back(false);
    if (target != source) {
      const Path path = compute(source, target, rule);
      row.links.insert(row.links.end(), path.links.begin(), path.links.end());
      row.latency.back() = static_cast<std::uint16_t>(path.latency);
      row.crosses_spine.back() = path.crosses_spine;
    }
    row.begin.push_back(static_cast<std::uint32_t>(row.links.size()));
  }
  row.links.shrink_to_fit();
}

RouteCache::Path RouteCache::compute(GpuId source, GpuId target, RouteRule rule) {
  return path(cluster_.route(source, target, rule));
}

RouteCache::Path RouteCache::path(const Route& route) {
  computed_.clear();
  for (int hop = 0; hop < route.count; ++hop)
    computed_.push_back(route.links[static_cast<std::size_t>(hop)].value);
  return {.links = computed_,
          .latency = latencies_.of(route.latency),
          .crosses_spine = route.crosses_spine};
}

}  // namespace moesim
