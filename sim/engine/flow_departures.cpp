// The events of a flow network: flows that leave after their latency, parts that end, copies.
#include <algorithm>
#include <tuple>

#include "sim/engine/flow_network.hpp"
#include "sim/engine/flow_slots.hpp"

namespace moesim {
namespace {

// FlowTag::leg of a copy, and back.
int copy_tag(std::size_t slot) { return -1 - static_cast<int>(slot); }
std::size_t copy_slot(int leg) { return static_cast<std::size_t>(-1 - leg); }

}  // namespace

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
  set_path(route);
  const FlowPart part{.bytes = size.value, .tag = {.leg = copy_tag(slot)}};
  add_flow(departure(route.latency),
           {.source = source, .target = target, .batch = copies_[slot].batch}, path_, {&part, 1});
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
  const int* hop = departure.hops.data();
  const FlowPart* part = departure.parts.data();
  for (std::size_t at = 0; at < departure.flows.size(); ++at) {
    const Departure::Size size = departure.sizes[at];
    departure.flows[at].path = {hop, size.hops};
    departure.flows[at].parts = {part, size.parts};
    carrier_->start(departure.flows[at]);
    hop += size.hops;
    part += size.parts;
  }
  departure.flows.clear();
  departure.sizes.clear();
  departure.hops.clear();
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
  if (aggregate_) date = pass_queues(tag, date);
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
