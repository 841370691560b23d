#include "sim/engine/flow_network.hpp"

#include <algorithm>

#include "sim/base/random.hpp"

namespace moesim {

namespace {

// FlowTag::leg of a copy, and back.
int copy_tag(std::size_t slot) { return -1 - static_cast<int>(slot); }
std::size_t copy_slot(int leg) { return static_cast<std::size_t>(-1 - leg); }

BytesPerSecond narrowest(const Cluster& cluster, const Route& route) {
  BytesPerSecond rate(kForever.value);
  for (int hop = 0; hop < route.count; ++hop)
    rate = std::min(rate, cluster.link(route.links[static_cast<std::size_t>(hop)]).bandwidth);
  return rate;
}

// The first free element, or a new one.
template <class T, class Free>
std::size_t free_slot(std::vector<T>& slots, Free free) {
  const auto found = std::find_if(slots.begin(), slots.end(), free);
  if (found != slots.end()) return static_cast<std::size_t>(found - slots.begin());
  slots.emplace_back();
  return slots.size() - 1;
}

}  // namespace

FlowNetwork::FlowNetwork(const Cluster& cluster, Clock& clock) : Network(cluster, clock) {
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
  if (leg.batch < 0) leg.batch = carrier_->open_batch(leg.expected);
  list_peers(leg, source);
  pump(handle, source);
  depart();
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
  std::vector<int>& peers = leg.senders[source].peers;
  peers.clear();
  for (auto peer = order_.rbegin(); peer != order_.rend(); ++peer)
    if (*peer != source.value && bytes[static_cast<std::size_t>(*peer)] > 0) peers.push_back(*peer);
}

void FlowNetwork::pump(int handle, GpuId source) {
  Leg& leg = legs_[static_cast<std::size_t>(handle)];
  Sender& sender = leg.senders[source];
  const int window = leg.request.schedule.window;
  while (!sender.peers.empty() && (window == 0 || sender.in_flight < window)) {
    const GpuId target(sender.peers.back());
    sender.peers.pop_back();
    ++sender.in_flight;
    start_flow(leg, handle, source, target);
  }
}

void FlowNetwork::start_flow(Leg& leg, int handle, GpuId source, GpuId target) {
  const ExchangeLeg& traffic = *leg.request.leg;
  const Route route = cluster_.route(source, target, traffic.rule);
  const double wire =
      account(route, traffic.bytes(source, target), inflation(traffic, source, target));
  Departure& departing = departure(route.latency);
  departing.parts.push_back(
      {.bytes = wire, .tag = {.leg = handle, .source = source.value, .target = target.value}});
  departing.flows.push_back({.route = route,
                             .source = source,
                             .target = target,
                             .rule = traffic.rule,
                             .batch = leg.batch});
  leg.request.listener->flow_began(source, target);
}

FlowNetwork::Departure& FlowNetwork::departure(Seconds latency) {
  for (Departure* collecting : collecting_)
    if (collecting->latency == latency) return *collecting;
  const std::size_t slot =
      free_slot(departures_, [](const auto& departure) { return !departure->under_way; });
  if (!departures_[slot]) departures_[slot] = std::make_unique<Departure>();
  Departure& departure = *departures_[slot];
  departure.latency = latency;
  departure.under_way = true;
  collecting_.push_back(&departure);
  return departure;
}

void FlowNetwork::copy(GpuId source, GpuId target, Bytes size, EventHandler& handler,
                       const Event& event) {
  const std::size_t slot = free_slot(copies_, [](const Copy& copy) { return !copy.handler; });
  const Route route = cluster_.route(source, target, RouteRule::kDirect);
  account(route, size.value, 1);
  copies_[slot] = {.handler = &handler,
                   .event = event,
                   .batch = carrier_->open_batch(size / narrowest(cluster_, route))};
  Departure& departing = departure(route.latency);
  departing.parts.push_back({.bytes = size.value, .tag = {.leg = copy_tag(slot)}});
  departing.flows.push_back(
      {.route = route, .source = source, .target = target, .batch = copies_[slot].batch});
  depart();
}

// Sends off what was collected: at once where there is no latency.
void FlowNetwork::depart() {
  for (std::size_t slot = 0; slot < departures_.size() && !collecting_.empty(); ++slot) {
    Departure& departure = *departures_[slot];
    if (std::find(collecting_.begin(), collecting_.end(), &departure) == collecting_.end())
      continue;
    if (departure.latency.value == 0) {
      start(departure);
    } else {
      clock_.at(clock_.now() + departure.latency, *this,
                {.kind = kDeparture, .a = static_cast<int>(slot)});
    }
  }
  collecting_.clear();
}

void FlowNetwork::start(Departure& departure) {
  const FlowPart* part = departure.parts.data();
  for (Flow& flow : departure.flows) {
    flow.parts = {part++, 1};
    carrier_->start(flow);
  }
  departure.flows.clear();
  departure.parts.clear();
  departure.under_way = false;
}

void FlowNetwork::part_ended(const FlowTag& tag, Seconds date) {
  if (tag.leg < 0) {
    Copy& copy = copies_[copy_slot(tag.leg)];
    clock_.at(date, *copy.handler, copy.event);
    carrier_->close_batch(copy.batch);
    copy.handler = nullptr;
    return;
  }
  Leg& leg = legs_[static_cast<std::size_t>(tag.leg)];
  const GpuId source(tag.source), target(tag.target);
  leg.request.listener->flow_ended(source, target, date);
  Side& out = leg.out[source];
  Side& in = leg.in[target];
  out.last = std::max(out.last, date);
  in.last = std::max(in.last, date);
  if (--out.left == 0)
    clock_.at(out.last, *this, {.kind = kSent, .a = tag.leg, .b = tag.source}, Urgency::kHigh);
  if (--in.left == 0) clock_.at(in.last, *this, {.kind = kReceived, .a = tag.leg, .b = tag.target});
  Sender& sender = leg.senders[source];
  --sender.in_flight;
  if (sender.peers.empty() || sender.told) return;
  sender.told = true;
  refill_.emplace_back(tag.leg, source);
}

void FlowNetwork::ends_reached() {
  if (refill_.empty()) return;
  for (const auto& [handle, source] : refill_) {
    legs_[static_cast<std::size_t>(handle)].senders[source].told = false;
    pump(handle, source);
  }
  refill_.clear();
  depart();
}

void FlowNetwork::handle(const Event& event) {
  if (event.kind == kDeparture) return start(*departures_[static_cast<std::size_t>(event.a)]);
  const LegRequest& request = legs_[static_cast<std::size_t>(event.a)].request;
  if (event.kind == kSent) return request.listener->sent(request.index, GpuId(event.b));
  request.listener->received(request.index, GpuId(event.b));
}

}  // namespace moesim
