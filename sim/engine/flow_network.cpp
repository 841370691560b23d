#include "sim/engine/flow_network.hpp"

#include <algorithm>
#include <tuple>

#include "sim/base/random.hpp"
#include "sim/engine/flow_slots.hpp"

namespace moesim {

namespace {

// Turns what each receiver of a flow gets into what the flow carries from one receiver's end to the
// next one's, when they share it equally.
void share_equally(std::vector<FlowPart>& parts) {
  std::sort(parts.begin(), parts.end(), [](const FlowPart& a, const FlowPart& b) {
    return std::tie(a.bytes, a.tag.target) < std::tie(b.bytes, b.tag.target);
  });
  double before = 0;
  auto sharing = static_cast<double>(parts.size());
  for (FlowPart& part : parts) {
    const double more = part.bytes - before;
    before = part.bytes;
    part.bytes = more * sharing;
    sharing -= 1;
  }
}

}  // namespace

FlowNetwork::FlowNetwork(const Cluster& cluster, Clock& clock, bool aggregate)
    : Network(cluster, clock), aggregate_(aggregate), free_(cluster.links().size()) {
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
  count(leg);
  const int handle = static_cast<int>(slot);
  for (const GpuId gpu : leg.in.ids()) {
    if (leg.in[gpu].left == 0)
      clock_.at(clock_.now(), *this, {.kind = kReceived, .a = handle, .b = gpu.value});
  }
  return handle;
}

// What every GPU sends and receives, and about how long the leg will take on its own.
void FlowNetwork::count(Leg& leg) {
  const ByteMatrix& bytes = leg.request.leg->bytes;
  const std::size_t gpus = bytes.rows();
  leg.out.raw().assign(gpus, Side{});
  leg.in.raw().assign(gpus, Side{});
  leg.senders.raw().resize(gpus);
  Seconds longest;
  IdVector<GpuId, double> arriving(gpus);  // seconds of a port
  for (const GpuId source : bytes.row_ids()) {
    double leaving = 0;
    for (const GpuId target : bytes.column_ids()) {
      if (bytes(source, target) <= 0 || source == target) continue;
      ++leg.out[source].left;
      ++leg.in[target].left;
      const BytesPerSecond rate =
          cluster_.same_domain(source, target) ? local_rate_ : network_rate_;
      const double seconds = bytes(source, target) / rate.value;
      leaving += seconds;
      arriving[target] += seconds;
    }
    longest = std::max(longest, Seconds(leaving));
  }
  for (const double seconds : arriving) longest = std::max(longest, Seconds(seconds));
  leg.expected = longest;
}

void FlowNetwork::send(int handle, GpuId source) {
  Leg& leg = legs_[static_cast<std::size_t>(handle)];
  if (leg.out[source].left == 0) return leg.request.listener->sent(leg.request.index, source);
  if (leg.batch < 0) leg.batch = carrier_->open_batch(leg.expected * turn(leg.request.schedule));
  list_peers(leg, source);
  pump(handle, source);
  depart();
}

// What share of a leg's time a sender gives to one peer.
double FlowNetwork::turn(const Schedule& schedule) const {
  const int peers = std::max(1, cluster_.gpus() - 1);
  return schedule.window == 0 ? 1 : std::min(1.0, static_cast<double>(schedule.window) / peers);
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
  order_.clear();
  const int first = leg.request.schedule.order == PeerOrder::kShifted ? source.value + 1 : 0;
  for (int step = 0; step < gpus; ++step) order_.push_back((first + step) % gpus);
  if (leg.request.schedule.order == PeerOrder::kRandom) {
    Rng rng(0, Purpose::kPeerOrder, static_cast<std::uint32_t>(leg.number),
            static_cast<std::uint32_t>(source.value));
    for (int left = gpus; left > 1; --left)
      std::swap(order_[static_cast<std::size_t>(left - 1)],
                order_[static_cast<std::size_t>(rng.below(left))]);
  }
  if (aggregate_ && leg.request.schedule.order == PeerOrder::kRandom) bring_nodes_together();
  std::vector<int>& peers = leg.senders[source].peers;
  peers.clear();
  for (auto peer = order_.rbegin(); peer != order_.rend(); ++peer)
    if (*peer != source.value && bytes[static_cast<std::size_t>(*peer)] > 0) peers.push_back(*peer);
}

// Keeps the order in which nodes come first.
void FlowNetwork::bring_nodes_together() {
  IdVector<NodeId, int> place(cluster_.nodes(), -1);
  int places = 0;
  for (const int peer : order_) {
    int& of_node = place[cluster_.node_of(GpuId(peer))];
    if (of_node < 0) of_node = places++;
  }
  std::stable_sort(order_.begin(), order_.end(), [&](int a, int b) {
    return place[cluster_.node_of(GpuId(a))] < place[cluster_.node_of(GpuId(b))];
  });
}

void FlowNetwork::pump(int handle, GpuId source) {
  Leg& leg = legs_[static_cast<std::size_t>(handle)];
  Sender& sender = leg.senders[source];
  const int window = leg.request.schedule.window;
  while (!sender.peers.empty() && (window == 0 || sender.in_flight < window)) {
    const GpuId target(sender.peers.back());
    group_.clear();
    do {
      group_.emplace_back(sender.peers.back());
      sender.peers.pop_back();
    } while (aggregate_ && !sender.peers.empty() && !cluster_.same_domain(source, target) &&
             cluster_.same_node(target, GpuId(sender.peers.back())));
    sender.in_flight += static_cast<int>(group_.size());
    for (const GpuId each : group_) leg.request.listener->flow_began(source, each);
    if (group_.size() > 1) find_common_path(leg, source);
    if (group_.size() > 1 && !path_.empty()) {
      start_group(leg, handle, source);
    } else {
      for (const GpuId each : group_) start_pair(leg, handle, source, each);
    }
  }
}

void FlowNetwork::start_pair(Leg& leg, int handle, GpuId source, GpuId target) {
  const ExchangeLeg& traffic = *leg.request.leg;
  const Route route = cluster_.route(source, target, traffic.rule);
  const double wire =
      account(route, traffic.bytes(source, target), inflation(traffic, source, target));
  set_path(route);
  const FlowPart part{.bytes = wire,
                      .tag = {.leg = handle,
                              .source = source.value,
                              .target = target.value,
                              .begin = clock_.now() + route.latency}};
  add_flow(departure(route.latency),
           {.source = source, .target = target, .rule = traffic.rule, .batch = leg.batch}, path_,
           {&part, 1});
}

void FlowNetwork::set_path(const Route& route) {
  path_.clear();
  for (int hop = 0; hop < route.count; ++hop)
    path_.push_back(route.links[static_cast<std::size_t>(hop)].value);
}

// The routes to the group, and the links that all of them have in common into `path_`.
void FlowNetwork::find_common_path(const Leg& leg, GpuId source) {
  routes_.clear();
  for (const GpuId target : group_)
    routes_.push_back(cluster_.route(source, target, leg.request.leg->rule));
  set_path(routes_.front());
  for (const Route& route : routes_) {
    const auto end = route.links.begin() + route.count;
    std::erase_if(
        path_, [&](int link) { return std::find(route.links.begin(), end, LinkId(link)) == end; });
  }
}

void FlowNetwork::start_group(Leg& leg, int handle, GpuId source) {
  const ExchangeLeg& traffic = *leg.request.leg;
  const double inflated = inflation(traffic, source, group_.front());
  parts_.clear();
  Seconds latency;
  for (std::size_t at = 0; at < group_.size(); ++at) {
    const GpuId target = group_[at];
    const Route& route = routes_[at];
    latency = std::max(latency, route.latency);
    parts_.push_back({.bytes = account(route, traffic.bytes(source, target), inflated),
                      .tag = {.leg = handle,
                              .source = source.value,
                              .target = target.value,
                              .begin = clock_.now() + route.latency}});
  }
  share_equally(parts_);
  add_flow(departure(latency), {.source = source, .rule = traffic.rule, .batch = leg.batch}, path_,
           parts_);
}

// When the bytes of an aggregated pair that leave its flow at `date` have passed all links.
Seconds FlowNetwork::pass_queues(const FlowTag& tag, Seconds date) {
  const ExchangeLeg& traffic = *legs_[static_cast<std::size_t>(tag.leg)].request.leg;
  const GpuId source(tag.source), target(tag.target);
  const Route route = cluster_.route(source, target, traffic.rule);
  const Bytes wire(traffic.bytes(source, target) * inflation(traffic, source, target));
  for (int hop = 0; hop < route.count; ++hop) {
    const LinkId link = route.links[static_cast<std::size_t>(hop)];
    free_[link] = std::max(free_[link], tag.begin) + wire / cluster_.link(link).bandwidth;
    date = std::max(date, free_[link]);
  }
  return date;
}

void FlowNetwork::add_flow(Departure& departure, const Flow& flow, std::span<const int> path,
                           std::span<const FlowPart> parts) {
  departure.flows.push_back(flow);
  departure.sizes.push_back({.hops = path.size(), .parts = parts.size()});
  departure.hops.insert(departure.hops.end(), path.begin(), path.end());
  departure.parts.insert(departure.parts.end(), parts.begin(), parts.end());
}

}  // namespace moesim
