// What the flows of a folded leg mean for the GPUs that they stand for, and how they become flows
// of their own.
#include <algorithm>
#include <tuple>

#include "sim/engine/flow_network.hpp"

namespace moesim {

// Tells the GPUs that `first` stands for: those of its class or, in a leg that is not folded,
// itself.
template <class Tell>
void FlowNetwork::for_members(const Leg& leg, GpuId first, const Tell& tell) const {
  if (!leg.folded.under_way) return tell(first);
  const Folding& classes = leg.folded.fold->classes;
  for (int number = 0; number < classes.size(); ++number) tell(classes.image(number, first));
}

// Where flows are not told one by one, GPUs are busy from their first one on.
void FlowNetwork::begin_busy(Leg& leg, GpuId source, Seconds date) {
  const auto add = [&](GpuId first, int flows) {
    Busy& busy = leg.busy[first];
    busy.flows += flows;
    if (busy.flows > flows) return;
    for_members(leg, first, [&](GpuId gpu) {
      leg.request.listener->flows_began(gpu, {&gpu, 1}, date);
    });
  };
  if (!served_.empty()) add(source, static_cast<int>(served_.size()));
  const Folding* classes = leg.folded.under_way ? &leg.folded.fold->classes : nullptr;
  for (const GpuId target : served_) add(classes ? classes->first_of(target) : target, 1);
}

void FlowNetwork::end_busy(Leg& leg, GpuId first, int flows, Seconds last) {
  Busy& busy = leg.busy[first];
  busy.last = std::max(busy.last, last);
  busy.flows -= flows;
  if (busy.flows > 0) return;
  for_members(leg, first,
              [&](GpuId gpu) { leg.request.listener->flow_ended(gpu, gpu, busy.last); });
}

void FlowNetwork::end_sent(Leg& leg, int handle, GpuId first, int flows, Seconds last) {
  end_side(leg, leg.out[first], {.kind = kSent, .a = handle, .b = first.value}, flows, last);
}

void FlowNetwork::end_received(Leg& leg, int handle, GpuId first, int flows, Seconds last) {
  end_side(leg, leg.in[first], {.kind = kReceived, .a = handle, .b = first.value}, flows, last);
}

// Schedules the event for all GPUs that its GPU stands for when the last of their flows has ended.
void FlowNetwork::end_side(const Leg& leg, Side& side, const Event& event, int flows,
                           Seconds last) {
  side.last = std::max(side.last, last);
  side.left -= flows;
  if (side.left > 0) return;
  const Urgency urgency = event.kind == kSent ? Urgency::kHigh : Urgency::kNormal;
  for_members(leg, GpuId(event.b), [&](GpuId gpu) {
    clock_.at(side.last, *this, {.kind = event.kind, .a = event.a, .b = gpu.value}, urgency);
  });
}

// Adds what the leg has sent since the last call to the use of all links.
void FlowNetwork::account_carried(Leg& leg) {
  const Folding& classes = leg.folded.fold->classes;
  LinkUse& use = use_of(leg.request.phase);
  for (const Link& link : cluster_.links()) {
    const int link_class = classes.class_of(link.id);
    const Carried& carried = leg.folded.carried[static_cast<std::size_t>(link_class)];
    use.bytes[link.id] += carried.bytes / classes.share(link_class);
    use.wire_bytes[link.id] += carried.wire / classes.share(link_class);
  }
  use.spine_bytes += leg.folded.spine_bytes * classes.size();
}

void FlowNetwork::unfold_all() {
  if (folded_legs_ == 0) return;
  carrier_->folded()->catch_up();
  for (std::size_t handle = 0; handle < legs_.size(); ++handle)
    if (legs_[handle].open && legs_[handle].folded.under_way) unfold(static_cast<int>(handle));
}

void FlowNetwork::unfold(int handle) {
  Leg& leg = legs_[static_cast<std::size_t>(handle)];
  account_carried(leg);
  copy_to_members(leg);
  std::vector<WithdrawnFlow> flows;
  carrier_->folded()->withdraw(leg.batch, flows);
  std::sort(flows.begin(), flows.end(), [](const WithdrawnFlow& a, const WithdrawnFlow& b) {
    return std::tie(a.date, a.tag.source, a.tag.target) <
           std::tie(b.date, b.tag.source, b.tag.target);
  });
  tell_unfolded(leg, flows);
  carrier_->close_batch(leg.batch);
  leg.folded.under_way = false;
  --folded_legs_;
  open_batch(leg);
  start_unfolded(leg, handle, flows);
  leg.folded = {};
}

// What is left to the first GPU of a class is left to all.
void FlowNetwork::copy_to_members(Leg& leg) {
  const Folding& classes = leg.folded.fold->classes;
  for (const GpuId first : classes.firsts()) {
    for (int number = 1; number < classes.size(); ++number) {
      const GpuId gpu = classes.image(number, first);
      leg.out[gpu] = leg.out[first];
      leg.in[gpu] = leg.in[first];
      leg.senders[gpu] = leg.senders[first];
      for (int& peer : leg.senders[gpu].peers) peer = classes.image(number, GpuId(peer)).value;
    }
  }
}

// GPUs that were said to be busy from now on are so with each of their flows.
void FlowNetwork::tell_unfolded(const Leg& leg, const std::vector<WithdrawnFlow>& flows) {
  const Folding& classes = leg.folded.fold->classes;
  LegListener& listener = *leg.request.listener;
  for (int number = 0; number < classes.size(); ++number) {
    for (const WithdrawnFlow& flow : flows) {
      const GpuId target = classes.image(number, GpuId(flow.tag.target));
      listener.flows_began(classes.image(number, GpuId(flow.tag.source)), {&target, 1}, flow.date);
    }
    for (const GpuId first : classes.firsts()) {
      const Busy& busy = leg.busy[first];
      const GpuId gpu = classes.image(number, first);
      if (busy.flows > 0) listener.flow_ended(gpu, gpu, busy.last);
    }
  }
}

void FlowNetwork::start_unfolded(const Leg& leg, int handle,
                                 const std::vector<WithdrawnFlow>& flows) {
  const Folding& classes = leg.folded.fold->classes;
  const RouteRule rule = leg.request.leg->rule;
  std::vector<FlowId> together;
  for (std::size_t at = 0; at < flows.size();) {
    const Seconds date = flows[at].date;
    together.clear();
    for (; at < flows.size() && flows[at].date == date; ++at) {
      for (int number = 0; number < classes.size(); ++number) {
        const GpuId source = classes.image(number, GpuId(flows[at].tag.source));
        const GpuId target = classes.image(number, GpuId(flows[at].tag.target));
        const FlowPart part{.bytes = flows[at].bytes, .target = target.value};
        together.push_back(carrier_->prepare(
            {.path = routes_.path(source, target, rule).links,
             .parts = {&part, 1},
             .tag = {.leg = handle, .source = source.value, .target = target.value},
             .rule = rule,
             .batch = leg.batch}));
      }
    }
    carrier_->start(together, date);
    alone_ += together.size();
  }
}

}  // namespace moesim
