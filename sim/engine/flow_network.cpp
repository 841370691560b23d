#include "sim/engine/flow_network.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/random.hpp"
#include "sim/engine/flow_slots.hpp"

namespace moesim {
namespace {

constexpr int kAveraged = 8;  // peers served at once whose errors even out
constexpr int kTurns = 8;     // in which a leg may be off as much as one that has no turns

}  // namespace

FlowNetwork::FlowNetwork(const Cluster& cluster, Clock& clock, bool aggregate)
    : Network(cluster, clock),
      aggregate_(aggregate),
      routes_(cluster),
      fans_(cluster),
      seconds_per_byte_(cluster.links().size()) {
  for (const Link& link : cluster.links()) seconds_per_byte_[link.id] = 1 / link.bandwidth.value;
  for (int target = 1; target < cluster.gpus(); ++target) {
    BytesPerSecond& rate =
        cluster.same_domain(GpuId(0), GpuId(target)) ? local_rate_ : network_rate_;
    if (rate.value == 0)
      rate = narrowest(cluster, cluster.route(GpuId(0), GpuId(target), RouteRule::kDirect));
  }
}

int FlowNetwork::open(const LegRequest& request) {
  const std::size_t slot = free_slot(legs_, [](const Leg& leg) { return !leg.open; });
  Leg& leg = legs_[slot];
  leg.request = request;
  leg.open = true;
  leg.batch = -1;
  leg.number = opened_++;
  leg.planes.clear();
  leg.folded = {.fold = fold_for(request)};
  count(leg);
  const int handle = static_cast<int>(slot);
  for (const GpuId gpu : leg.in.ids()) {
    if (leg.in[gpu].left == 0)
      clock_.at(clock_.now(), *this, {.kind = kReceived, .a = handle, .b = gpu.value});
  }
  return handle;
}

// What every GPU sends and receives, and about how long the leg will take on its own. GPUs of a
// class send and receive alike.
void FlowNetwork::count(Leg& leg) {
  const ExchangeLeg& traffic = *leg.request.leg;
  const std::size_t gpus = traffic.bytes.rows();
  const Folding* classes = leg.folded.fold ? &leg.folded.fold->classes : nullptr;
  leg.out.raw().assign(gpus, Side{});
  leg.in.raw().assign(gpus, Side{});
  leg.inflow.raw().assign(gpus, Load{});
  leg.senders.raw().resize(gpus);
  leg.grouped = aggregate_ && leg.request.schedule.window == 0;
  if (leg.grouped) leg.ports.raw().assign(cluster_.links().size(), Port{});
  IdVector<GpuId, Load> outflow(gpus);
  for (const GpuId source : traffic.bytes.row_ids()) {
    if (classes && classes->first_of(source) != source) continue;
    const auto bytes = traffic.bytes.row(source);
    for (const GpuId target : traffic.bytes.column_ids()) {
      if (bytes[target.index()] <= 0 || source == target) continue;
      const GpuId receiver = classes ? classes->first_of(target) : target;
      ++leg.out[source].left;
      ++leg.in[receiver].left;
      const bool local = cluster_.same_domain(source, target);
      const double wire = bytes[target.index()] * inflation(traffic, local);
      (local ? outflow[source].local : outflow[source].network) += wire;
      (local ? leg.inflow[receiver].local : leg.inflow[receiver].network) += wire;
    }
  }
  leg.senders_left = 0;
  for (const GpuId gpu : leg.out.ids()) {
    const GpuId first = classes ? classes->first_of(gpu) : gpu;
    leg.out[gpu] = leg.out[first];
    leg.in[gpu] = leg.in[first];
    leg.inflow[gpu] = leg.inflow[first];
    outflow[gpu] = outflow[first];
    leg.senders_left += leg.out[gpu].left > 0;
  }
  leg.expected = std::max(longest(outflow, traffic.rule == RouteRule::kPxn),
                          longest(leg.inflow, traffic.rule == RouteRule::kSourceRail));
}

// That a GPU's ports are in use; `relayed` by a node's GPUs in equal shares.
Seconds FlowNetwork::longest(const IdVector<GpuId, Load>& loads, bool relayed) const {
  const auto seconds = [](double bytes, BytesPerSecond rate) {
    return rate.value > 0 ? Bytes(bytes) / rate : Seconds(0);
  };
  Seconds longest;
  for (int node = 0; node < cluster_.nodes(); ++node) {
    const std::vector<GpuId>& members = cluster_.gpus_of(NodeId(node));
    double total = 0;
    for (const GpuId gpu : members) total += loads[gpu].network;
    for (const GpuId gpu : members) {
      const double share =
          relayed ? total / static_cast<double>(members.size()) : loads[gpu].network;
      longest =
          std::max(longest, seconds(loads[gpu].local, local_rate_) + seconds(share, network_rate_));
    }
  }
  return longest;
}

void FlowNetwork::send(int handle, GpuId source) {
  Leg& leg = legs_[static_cast<std::size_t>(handle)];
  if (leg.out[source].left == 0) return leg.request.listener->sent(leg.request.index, source);
  if (leg.folded.fold) return hold(handle, source);
  send_alone(handle, source);
}

void FlowNetwork::send_alone(int handle, GpuId source) {
  unfold_all();
  Leg& leg = legs_[static_cast<std::size_t>(handle)];
  if (leg.batch < 0) {
    open_batch(leg);
    if (fits_grids(leg)) open_planes(leg, handle);
  }
  if (leg.planes.empty()) {
    list_peers(leg, source);
    pump(handle, source, clock_.now());
  } else {
    send_on_grids(leg, handle, source, clock_.now());
  }
  if (--leg.senders_left > 0) return;
  for (const GridPlane plane : leg.planes) carrier_->grids()->close_plane(plane);
}

// With a window, a flow lasts for a turn: that share of the leg that a sender gives to one peer.
// The more peers it serves at once, the less it matters when each of them ends, and over many turns
// errors even out like those of independent measurements.
void FlowNetwork::open_batch(Leg& leg) {
  const int peers = std::max(1, cluster_.gpus() - 1), window = leg.request.schedule.window;
  const double turn = window == 0 ? 1 : std::min(1.0, static_cast<double>(window) / peers);
  const double at_once = window == 0 ? 1 : std::clamp(window / 2, 1, kAveraged);
  const double share = at_once * turn * std::sqrt(std::max(1.0, 1 / (turn * kTurns)));
  double few = leg.grouped ? 0 : turn * cluster_.gpus();
  if (leg.folded.under_way) few /= leg.folded.fold->classes.size();
  leg.batch = carrier_->open_batch({.expected = leg.expected * std::min(1.0, share),
                                    .tail = static_cast<std::size_t>(few),
                                    .in_turns = window > 0});
}

void FlowNetwork::close(int handle) {
  Leg& leg = legs_[static_cast<std::size_t>(handle)];
  if (leg.batch >= 0) carrier_->close_batch(leg.batch);
  leg.open = false;
}

// The peers that `source` has bytes for, the first one last.
void FlowNetwork::list_peers(Leg& leg, GpuId source) {
  const auto bytes = leg.request.leg->bytes.row(source);
  const int gpus = static_cast<int>(bytes.size());
  const PeerOrder order = leg.request.schedule.order;
  std::vector<int>& peers = leg.senders[source].peers;
  peers.clear();
  const auto list = [&](int peer) {
    if (peer != source.value && bytes[static_cast<std::size_t>(peer)] > 0) peers.push_back(peer);
  };
  const int first = order == PeerOrder::kShifted ? source.value : 0;
  for (int peer = first; peer-- > 0;) list(peer);
  for (int peer = gpus; peer-- > first;) list(peer);
  if (order != PeerOrder::kRandom) return;
  Rng rng(0, Purpose::kPeerOrder, static_cast<std::uint32_t>(leg.number),
          static_cast<std::uint32_t>(source.value));
  for (int left = static_cast<int>(peers.size()); left > 1; --left)
    std::swap(peers[static_cast<std::size_t>(left - 1)],
              peers[static_cast<std::size_t>(rng.below(left))]);
}

// `source` serves its next peers from `date` on.
void FlowNetwork::pump(int handle, GpuId source, Seconds date) {
  Leg& leg = legs_[static_cast<std::size_t>(handle)];
  Sender& sender = leg.senders[source];
  const int window = leg.request.schedule.window;
  auto places = static_cast<std::size_t>(window - sender.in_flight);
  if (window == 0) places = sender.peers.size();
  places = std::min(places, sender.peers.size());
  served_.clear();
  for (auto peer = sender.peers.rbegin(); places > 0; --places, ++peer) served_.emplace_back(*peer);
  sender.peers.resize(sender.peers.size() - served_.size());
  sender.in_flight += static_cast<int>(served_.size());
  if (leg.folded.under_way) {
    begin_busy(leg, source, date);
    for (const GpuId target : served_) start_class(leg, handle, source, target);
    return depart(date);
  }
  leg.request.listener->flows_began(source, served_, date);
  alone_ += served_.size();
  if (leg.grouped) {
    start_pairs(leg, handle, source, date);
  } else {
    for (const GpuId target : served_) start_pair(leg, handle, source, target);
  }
  depart(date);
}

void FlowNetwork::start_pair(const Leg& leg, int handle, GpuId source, GpuId target) {
  const ExchangeLeg& traffic = *leg.request.leg;
  const RouteCache::Path path = routes_.path(source, target, traffic.rule);
  const double wire = account(path, leg.request.phase, traffic.bytes(source, target),
                              inflation(traffic, source, target));
  const FlowPart part{.bytes = wire, .target = target.value};
  departing(path.latency)
      .push_back(
          carrier_->prepare({.path = path.links,
                             .parts = {&part, 1},
                             .tag = {.leg = handle, .source = source.value, .target = target.value},
                             .rule = traffic.rule,
                             .batch = leg.batch}));
}

}  // namespace moesim
