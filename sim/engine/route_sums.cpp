#include "sim/engine/route_sums.hpp"

#include <algorithm>
#include <limits>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

// Ranges of targets, one after the other for each thing that their routes have or have not.
template <class Range>
class RangeList {
 public:
  RangeList(std::size_t things, GpuId source) : open_(things, -1), source_(source.value) {}

  void add(int what, int target) {
    int& open = open_[static_cast<std::size_t>(what)];
    if (open >= 0) {
      Range& last = ranges[static_cast<std::size_t>(open)];
      const int next = last.end == source_ ? source_ + 1 : last.end;
      if (target == last.end || target == next) {
        last.end = static_cast<std::uint16_t>(target + 1);
        return;
      }
    }
    open = static_cast<int>(ranges.size());
    ranges.push_back({.what = what,
                      .begin = static_cast<std::uint16_t>(target),
                      .end = static_cast<std::uint16_t>(target + 1)});
  }
  std::vector<Range> ranges;

 private:
  std::vector<int> open_;  // [things] the range that may grow
  int source_ = 0;
};

}  // namespace

RouteSums::RouteSums(const Cluster& cluster) : cluster_(cluster), rows_(cluster.gpus()) {
  MOESIM_CHECK(cluster.gpus() < std::numeric_limits<std::uint16_t>::max(),
               "targets are counted in 16 bits");
  prefix_.resize(static_cast<std::size_t>(cluster.gpus()) + 1);
}

void RouteSums::add(GpuId source, RouteRule rule, std::span<const double> bytes, Totals& totals) {
  double sum = 0;
  for (std::size_t target = 0; target < bytes.size(); ++target) {
    if (target != source.index()) sum += bytes[target];
    prefix_[target + 1] = sum;
  }
  if (sum == 0) return;
  const Row& row = rows_.get(source, rule, [&] { return build(source, rule); });
  for (const Range& range : row.local) totals.local[LinkId(range.what)] += bytes_of(range);
  for (const Range& range : row.network) totals.network[LinkId(range.what)] += bytes_of(range);
  for (const Range& range : row.spine) totals.spine += bytes_of(range);
  for (const Range& range : row.latencies) {
    const Seconds latency = latencies_.all()[static_cast<std::size_t>(range.what)];
    if (latency <= totals.latency) break;
    if (bytes_of(range) > 0) totals.latency = latency;
  }
}

RouteSums::Row RouteSums::build(GpuId source, RouteRule rule) {
  const std::size_t links = cluster_.links().size();
  RangeList<Range> local(links, source), network(links, source), spine(1, source);
  RangeList<Range> latencies(LatencyNumbers::kMost, source);
  for (const GpuId target : IdRange<GpuId>(cluster_.gpus())) {
    if (target == source) continue;
    const Route route = cluster_.route(source, target, rule);
    RangeList<Range>& used = cluster_.same_domain(source, target) ? local : network;
    for (int hop = 0; hop < route.count; ++hop)
      used.add(route.links[static_cast<std::size_t>(hop)].value, target.value);
    latencies.add(latencies_.of(route.latency), target.value);
    if (route.crosses_spine) spine.add(0, target.value);
  }
  std::ranges::stable_sort(latencies.ranges, [&](const Range& a, const Range& b) {
    return latencies_.all()[static_cast<std::size_t>(a.what)] >
           latencies_.all()[static_cast<std::size_t>(b.what)];
  });
  return {.local = std::move(local.ranges),
          .network = std::move(network.ranges),
          .spine = std::move(spine.ranges),
          .latencies = std::move(latencies.ranges)};
}

}  // namespace moesim
