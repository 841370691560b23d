// Aggregation: the flows of a sender that share all links but the receivers' own ports.
#include <algorithm>
#include <bit>

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
  groups_used_ = 0;
  for (const GpuId target : served_) {
    const RouteCache::Path path = routes_.path(source, target, leg.request.leg->rule);
    const LinkId port(path.links.back());
    const Seconds begin = date + routes_.latencies()[static_cast<std::size_t>(path.latency)];
    leg.ports[port].begin = std::min(leg.ports[port].begin, begin);
    if (path.links.size() < 2 || is_busy(leg, source, target, port)) {
      start_pair(leg, handle, source, target);
    } else {
      add_to_group(leg, path, source, target);
    }
  }
  for (std::size_t at = 0; at < groups_used_; ++at)
    start_group(leg, {.leg = handle, .source = source.value}, groups_[at]);
}

bool FlowNetwork::is_busy(const Leg& leg, GpuId source, GpuId target, LinkId port) const {
  const Load& inflow = leg.inflow[target];
  const double bytes = are_local(source, target) ? inflow.local : inflow.network;
  return bytes * seconds_per_byte_[port] > kBusy * leg.expected.value;
}

void FlowNetwork::add_to_group(const Leg& leg, const RouteCache::Path& path, GpuId source,
                               GpuId target) {
  const ExchangeLeg& traffic = *leg.request.leg;
  const double bytes = traffic.bytes(source, target);
  const double wire = bytes * inflation(traffic, source, target);
  const int port = path.links.back();
  LinkUse& use = use_of(leg.request.phase);
  use.bytes[LinkId(port)] += bytes;
  use.wire_bytes[LinkId(port)] += wire;
  if (path.crosses_spine) use.spine_bytes += bytes;
  Group& group = group_of(path);
  group.bytes += bytes;
  group.wire += wire;
  group.parts.push_back({.bytes = wire, .target = target.value, .queue = port});
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
  group.bytes = group.wire = 0;
  return group;
}

void FlowNetwork::start_group(const Leg& leg, const FlowTag& tag, Group& group) {
  LinkUse& use = use_of(leg.request.phase);
  for (const int link : group.path) {
    use.bytes[LinkId(link)] += group.bytes;
    use.wire_bytes[LinkId(link)] += group.wire;
  }
  sort_parts(group.parts);
  departing(group.latency)
      .push_back(carrier_->prepare(
          {.path = group.path, .parts = group.parts, .tag = tag, .batch = leg.batch}));
}

// By rising bytes. Sorts the bit patterns of the sizes, which order like the sizes do, with the
// part's place in the last bits; sizes that differ by less count as equal.
void FlowNetwork::sort_parts(std::vector<FlowPart>& parts) {
  const std::uint64_t places = std::bit_ceil(parts.size()) - 1;
  sizes_.clear();
  for (const FlowPart& part : parts)
    sizes_.push_back((std::bit_cast<std::uint64_t>(part.bytes) & ~places) | sizes_.size());
  std::sort(sizes_.begin(), sizes_.end());
  sorted_.clear();
  double largest = 0;
  for (const std::uint64_t size : sizes_) {
    sorted_.push_back(parts[size & places]);
    largest = sorted_.back().bytes = std::max(largest, sorted_.back().bytes);
  }
  parts.swap(sorted_);
}

// When the bytes of a pair have passed the receiver's port.
Seconds FlowNetwork::pass_port(Leg& leg, const FlowEnd& end) {
  const LinkId link(end.port);
  Port& port = leg.ports[link];
  port.busy += Seconds(end.bytes * seconds_per_byte_[link]);
  return std::max(end.date, port.begin + port.busy);
}

}  // namespace moesim
