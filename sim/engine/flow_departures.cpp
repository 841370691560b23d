// The events of a flow network: flows that leave after their latency, parts that end, copies.
#include <algorithm>

#include "sim/engine/flow_network.hpp"
#include "sim/engine/flow_slots.hpp"

namespace moesim {
namespace {

// FlowTag::leg of a copy, and back.
int copy_tag(std::size_t slot) { return -1 - static_cast<int>(slot); }
std::size_t copy_slot(int leg) { return static_cast<std::size_t>(-1 - leg); }

}  // namespace

void FlowNetwork::copy(const Transfer& transfer, EventHandler& handler, const Event& event) {
  unfold_all();
  ++alone_;
  const GpuId source = transfer.source, target = transfer.target;
  const Bytes size = transfer.size;
  const std::size_t slot = free_slot(copies_, [](const Copy& copy) { return !copy.handler; });
  const Route route = route_of(transfer);
  const RouteCache::Path path = routes_.path(route);
  account(path, transfer.phase, size.value, 1);
  copies_[slot] = {
      .handler = &handler,
      .event = event,
      .batch = carrier_->open_batch({.expected = size / narrowest(cluster_, route), .tail = 1})};
  const FlowPart part{.bytes = size.value, .target = target.value};
  departing(path.latency)
      .push_back(carrier_->prepare(
          {.path = path.links,
           .parts = {&part, 1},
           .tag = {.leg = copy_tag(slot), .source = source.value, .target = target.value},
           .from = transfer.from,
           .to = transfer.to,
           .batch = copies_[slot].batch}));
  depart(clock_.now());
}

// Sends off what was collected; its first bytes come after its latency.
void FlowNetwork::depart(Seconds date) {
  for (std::size_t latency = 0; latency < departing_.size(); ++latency) {
    carrier_->start(departing_[latency], date + routes_.latencies()[latency]);
    departing_[latency].clear();
  }
}

void FlowNetwork::parts_ended(std::span<const FlowEnd> ends) {
  for (const FlowEnd& end : ends) {
    if (end.tag.leg < 0) {
      copy_ended(copy_slot(end.tag.leg), end.date);
      continue;
    }
    Leg& leg = legs_[static_cast<std::size_t>(end.tag.leg)];
    leg.folded.under_way ? class_ended(leg, end) : pair_ended(leg, end);
    const GpuId source(end.tag.source);
    Sender& sender = leg.senders[source];
    --sender.in_flight;
    if (!sender.peers.empty())
      refills_.push_back({.date = end.date, .leg = end.tag.leg, .source = source});
  }
  refill();
}

void FlowNetwork::pair_ended(Leg& leg, const FlowEnd& end) {
  const GpuId source(end.tag.source), target(end.tag.target);
  const Seconds date = leg.grouped ? pass_port(leg, end) : end.date;
  --alone_;
  if (leg.planes.empty()) {
    leg.request.listener->flow_ended(source, target, date);
  } else {
    end_busy(leg, source, 1, date);
    end_busy(leg, target, 1, date);
  }
  end_sent(leg, end.tag.leg, source, 1, date);
  end_received(leg, end.tag.leg, target, 1, date);
}

void FlowNetwork::ports_ended(std::span<const FlowGrid::PortEnd> ends) {
  for (const FlowGrid::PortEnd& end : ends) {
    Leg& leg = legs_[static_cast<std::size_t>(end.leg)];
    const GpuId gpu(end.gpu);
    end_busy(leg, gpu, end.flows, end.last);
    if (!end.sends) {
      end_received(leg, end.leg, gpu, end.flows, end.last);
      continue;
    }
    alone_ -= static_cast<std::size_t>(end.flows);
    leg.senders[gpu].in_flight -= end.flows;
    end_sent(leg, end.leg, gpu, end.flows, end.last);
  }
}

// Senders serve their next peers, in the order in which their places became free.
void FlowNetwork::refill() {
  std::stable_sort(refills_.begin(), refills_.end(),
                   [](const Refill& a, const Refill& b) { return a.date < b.date; });
  for (const Refill& each : refills_) pump(each.leg, each.source, each.date);
  refills_.clear();
}

void FlowNetwork::copy_ended(std::size_t slot, Seconds date) {
  Copy& copy = copies_[slot];
  clock_.at(date, *copy.handler, copy.event);
  carrier_->close_batch(copy.batch);
  copy.handler = nullptr;
  --alone_;
}

void FlowNetwork::handle(const Event& event) {
  Leg& leg = legs_[static_cast<std::size_t>(event.a)];
  if (event.kind == kHeld) {
    if (leg.number == event.b && !leg.folded.held.empty()) release(event.a);
    return;
  }
  const LegRequest& request = leg.request;
  if (event.kind == kSent) return request.listener->sent(request.index, GpuId(event.b));
  request.listener->received(request.index, GpuId(event.b));
}

}  // namespace moesim
