// Aggregation: the flows of a sender that share all links but the receivers' own ports.
#include <algorithm>
#include <bit>

#include "sim/engine/flow_network.hpp"

namespace moesim {
namespace {

// A port is busy that is in use for this share of its leg's time.
constexpr double kBusy = 0.5;

}  // namespace

// Starts the flows to all in `served_`.
void FlowNetwork::start_pairs(Leg& leg, int handle, GpuId source, Seconds date) {
  const RouteFan& fan = fans_.of(source, leg.request.leg->rule);
  groups_.resize(std::max(groups_.size(), fan.trunks.size()));
  for (const GpuId target : served_) {
    const auto [port, at] = fan.branches[target];
    const RouteFan::Trunk& trunk = fan.trunks[static_cast<std::size_t>(at)];
    Seconds& begin = leg.ports[LinkId(port)].begin;
    begin = std::min(begin, date + trunk.latency);
    if (trunk.links.empty() || is_busy(leg, source, target, LinkId(port))) {
      start_pair(leg, handle, source, target);
    } else {
      add_to_group(leg, source, target, port, groups_[static_cast<std::size_t>(at)]);
    }
  }
  const FlowTag tag{.leg = handle, .source = source.value};
  for (std::size_t trunk = 0; trunk < fan.trunks.size(); ++trunk)
    if (!groups_[trunk].parts.empty())
      start_group(leg, tag, fan.trunks[trunk], groups_[trunk], date);
}

bool FlowNetwork::is_busy(const Leg& leg, GpuId source, GpuId target, LinkId port) const {
  const Load& inflow = leg.inflow[target];
  const double bytes = cluster_.same_domain(source, target) ? inflow.local : inflow.network;
  return bytes * seconds_per_byte_[port] > kBusy * leg.expected.value;
}

void FlowNetwork::add_to_group(const Leg& leg, GpuId source, GpuId target, int port, Group& group) {
  const ExchangeLeg& traffic = *leg.request.leg;
  const double bytes = traffic.bytes(source, target);
  const double wire = bytes * inflation(traffic, source, target);
  LinkUse& use = use_of(leg.request.phase);
  use.bytes[LinkId(port)] += bytes;
  use.wire_bytes[LinkId(port)] += wire;
  group.bytes += bytes;
  group.wire += wire;
  group.parts.push_back({.bytes = wire, .target = target.value, .queue = port});
}

void FlowNetwork::start_group(const Leg& leg, const FlowTag& tag, const RouteFan::Trunk& trunk,
                              Group& group, Seconds date) {
  LinkUse& use = use_of(leg.request.phase);
  for (const int link : trunk.links) {
    use.bytes[LinkId(link)] += group.bytes;
    use.wire_bytes[LinkId(link)] += group.wire;
  }
  if (trunk.crosses_spine) use.spine_bytes += group.bytes;
  sort_parts(group.parts);
  const FlowId flow = carrier_->prepare(
      {.path = trunk.links, .parts = group.parts, .tag = tag, .batch = leg.batch});
  carrier_->start({&flow, 1}, date + trunk.latency);
  group.parts.clear();
  group.bytes = group.wire = 0;
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
