// Aggregation: the flows of a sender that share all links but the receivers' own ports.
#include <algorithm>
#include <tuple>

#include "sim/engine/flow_network.hpp"

namespace moesim {
namespace {

// A port is busy that is in use for this share of its leg's time.
constexpr double kBusy = 0.5;
// Groups that are looked through for one that fits; peers of one order come group by group.
constexpr std::size_t kLookBack = 16;

}  // namespace

// Starts the flows to all in `served_`.
void FlowNetwork::start_pairs(Leg& leg, int handle, GpuId source, Seconds date) {
  const ExchangeLeg& traffic = *leg.request.leg;
  groups_used_ = 0;
  for (const GpuId target : served_) {
    const RouteCache::Path path = routes_.path(source, target, traffic.rule);
    const LinkId port(path.links.back());
    const Seconds begin = date + routes_.latencies()[static_cast<std::size_t>(path.latency)];
    leg.ports[port].begin = std::min(leg.ports[port].begin, begin);
    if (path.links.size() < 2 || is_busy(leg, source, target, cluster_.link(port))) {
      start_pair(leg, handle, source, target);
      continue;
    }
    const double wire = account(path, leg.request.phase, traffic.bytes(source, target),
                                inflation(traffic, source, target));
    group_of(path).parts.push_back({.bytes = wire, .target = target.value, .queue = port.value});
  }
  for (std::size_t at = 0; at < groups_used_; ++at)
    start_group(leg, {.leg = handle, .source = source.value}, groups_[at]);
}

bool FlowNetwork::is_busy(const Leg& leg, GpuId source, GpuId target, const Link& port) const {
  const Load& inflow = leg.inflow[target];
  const double bytes = cluster_.same_domain(source, target) ? inflow.local : inflow.network;
  return bytes / port.bandwidth.value > kBusy * leg.expected.value;
}

FlowNetwork::Group& FlowNetwork::group_of(const RouteCache::Path& path) {
  const auto shared = path.links.first(path.links.size() - 1);
  const std::size_t first = groups_used_ - std::min(groups_used_, kLookBack);
  for (std::size_t at = groups_used_; at-- > first;)
    if (groups_[at].latency == path.latency && std::ranges::equal(groups_[at].path, shared))
      return groups_[at];
  if (groups_used_ == groups_.size()) groups_.emplace_back();
  Group& group = groups_[groups_used_++];
  group.latency = path.latency;
  group.path.assign(shared.begin(), shared.end());
  group.parts.clear();
  return group;
}

void FlowNetwork::start_group(const Leg& leg, const FlowTag& tag, Group& group) {
  std::sort(group.parts.begin(), group.parts.end(), [](const FlowPart& a, const FlowPart& b) {
    return std::tie(a.bytes, a.target) < std::tie(b.bytes, b.target);
  });
  departing(group.latency)
      .push_back(carrier_->prepare(
          {.path = group.path, .parts = group.parts, .tag = tag, .batch = leg.batch}));
}

// When the bytes of a pair have passed the receiver's port.
Seconds FlowNetwork::pass_port(const FlowEnd& end) {
  Leg& leg = legs_[static_cast<std::size_t>(end.tag.leg)];
  const ExchangeLeg& traffic = *leg.request.leg;
  const GpuId source(end.tag.source), target(end.tag.target);
  const LinkId link(routes_.path(source, target, traffic.rule).links.back());
  const Bytes wire(traffic.bytes(source, target) * inflation(traffic, source, target));
  Port& port = leg.ports[link];
  port.busy += wire / cluster_.link(link).bandwidth;
  return std::max(end.date, port.begin + port.busy);
}

}  // namespace moesim
