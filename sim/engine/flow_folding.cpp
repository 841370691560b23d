// Legs of symmetric traffic, of which only the flows of the first GPU of each class are made.
#include <algorithm>
#include <tuple>

#include "sim/engine/flow_network.hpp"

namespace moesim {

const FlowNetwork::Fold* FlowNetwork::fold_for(const LegRequest& request) {
  if (!carrier_->folded()) return nullptr;
  if (!renamings_) renamings_ = renamings_of(cluster_);
  unsigned kept = 0;
  std::vector<Renaming> renamings;
  for (std::size_t at = 0; at < renamings_->size(); ++at) {
    const Renaming& renaming = (*renamings_)[at];
    if (!keeps(renaming.shift, request.leg->bytes, request.schedule)) continue;
    kept |= 1u << at;
    renamings.push_back(renaming);
  }
  if (kept == 0) return nullptr;
  const auto known =
      std::ranges::find_if(folds_, [&](const Fold& fold) { return fold.renamings == kept; });
  if (known != folds_.end()) return &*known;
  Folding classes(cluster_, renamings);
  std::vector<BytesPerSecond> capacities(static_cast<std::size_t>(classes.link_classes()));
  for (const Link& link : cluster_.links()) {
    const int link_class = classes.class_of(link.id);
    capacities[static_cast<std::size_t>(link_class)] = link.bandwidth * classes.share(link_class);
  }
  const int first = carrier_->folded()->add(capacities);
  folds_.push_back({.renamings = kept, .classes = std::move(classes), .first_link = first});
  return &folds_.back();
}

// Waits for the other GPUs to send at the same instant.
void FlowNetwork::hold(int handle, GpuId source) {
  Leg& leg = legs_[static_cast<std::size_t>(handle)];
  leg.folded.held.push_back(source);
  if (static_cast<int>(leg.folded.held.size()) < leg.senders_left) {
    if (leg.folded.held.size() == 1)
      clock_.at(clock_.now(), *this, {.kind = kHeld, .a = handle, .b = leg.number}, Urgency::kLow);
    return;
  }
  const bool fits = std::ranges::all_of(legs_, [&](const Leg& other) {
    return !other.open || !other.folded.under_way || other.folded.fold == leg.folded.fold;
  });
  alone_ == 0 && fits ? fold(handle) : release(handle);
}

// Not all GPUs send at one instant, or something else is under way.
void FlowNetwork::release(int handle) {
  Leg& leg = legs_[static_cast<std::size_t>(handle)];
  const std::vector<GpuId> held = std::move(leg.folded.held);
  leg.folded = {};
  for (const GpuId source : held) send_alone(handle, source);
}

void FlowNetwork::fold(int handle) {
  Leg& leg = legs_[static_cast<std::size_t>(handle)];
  const Folding& classes = leg.folded.fold->classes;
  leg.folded.held.clear();
  leg.folded.under_way = true;
  ++folded_legs_;
  leg.grouped = false;
  leg.busy.raw().assign(leg.out.size(), Busy{});
  leg.folded.carried.resize(static_cast<std::size_t>(classes.link_classes()));
  for (const GpuId first : classes.firsts()) leg.folded.pairs_left += leg.out[first].left;
  open_batch(leg);
  for (const GpuId first : classes.firsts()) {
    if (leg.out[first].left == 0) continue;
    list_peers(leg, first);
    pump(handle, first, clock_.now());
  }
}

void FlowNetwork::start_class(Leg& leg, int handle, GpuId source, GpuId target) {
  const ExchangeLeg& traffic = *leg.request.leg;
  const Fold& fold = *leg.folded.fold;
  const RouteCache::Path path = routes_.path(source, target, traffic.rule);
  const double bytes = traffic.bytes(source, target);
  const FlowPart part{.bytes = bytes * inflation(traffic, source, target), .target = target.value};
  class_path_.clear();
  for (const int link : path.links) {
    const int link_class = fold.classes.class_of(LinkId(link));
    Carried& carried = leg.folded.carried[static_cast<std::size_t>(link_class)];
    carried.bytes += bytes;
    carried.wire += part.bytes;
    class_path_.push_back(fold.first_link + link_class);
  }
  if (path.crosses_spine) leg.folded.spine_bytes += bytes;
  departing(path.latency)
      .push_back(
          carrier_->prepare({.path = class_path_,
                             .parts = {&part, 1},
                             .tag = {.leg = handle, .source = source.value, .target = target.value},
                             .batch = leg.batch}));
}

void FlowNetwork::class_ended(Leg& leg, const FlowEnd& end) {
  const GpuId source(end.tag.source);
  const GpuId target = leg.folded.fold->classes.first_of(GpuId(end.tag.target));
  end_busy(leg, source, 1, end.date);
  end_busy(leg, target, 1, end.date);
  end_sent(leg, end.tag.leg, source, 1, end.date);
  end_received(leg, end.tag.leg, target, 1, end.date);
  if (--leg.folded.pairs_left > 0) return;
  account_carried(leg);
  leg.folded.under_way = false;
  --folded_legs_;
}

}  // namespace moesim
