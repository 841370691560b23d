#include "sim/engine/analytic_network.hpp"

#include <algorithm>

namespace moesim {

AnalyticNetwork::AnalyticNetwork(const Cluster& cluster, Clock& clock)
    : Network(cluster, clock), sums_(cluster), free_(cluster.links().size()) {}

int AnalyticNetwork::open(const LegRequest& request) {
  auto leg = std::find_if(legs_.begin(), legs_.end(), [](const Leg& each) { return !each.open; });
  if (leg == legs_.end()) leg = legs_.insert(legs_.end(), Leg{});
  *leg = {.request = request, .open = true};
  return static_cast<int>(leg - legs_.begin());
}

void AnalyticNetwork::send(int handle, GpuId source) {
  Leg& leg = legs_[static_cast<std::size_t>(handle)];
  leg.request.listener->flows_began(source, {&source, 1}, clock_.now());
  leg.senders.push_back(source);
  if (static_cast<int>(leg.senders.size()) < leg.request.senders) return;
  const ExchangeLeg& traffic = *leg.request.leg;
  RouteSums::Totals totals(cluster_.links().size());
  for (const GpuId from : traffic.bytes.row_ids())
    sums_.add(from, traffic.rule, traffic.bytes.row(from), totals);
  clock_.at(carry(totals, traffic, leg.request.phase), *this, {.a = handle});
}

void AnalyticNetwork::close(int handle) { legs_[static_cast<std::size_t>(handle)].open = false; }

void AnalyticNetwork::copy(const Transfer& transfer, EventHandler& handler, const Event& event) {
  const Route route = route_of(transfer);
  const double bytes = transfer.size.value;
  Seconds end = clock_.now();
  for (int hop = 0; hop < route.count; ++hop)
    end = std::max(end,
                   carry(route.links[static_cast<std::size_t>(hop)], transfer.phase, bytes, bytes));
  if (route.crosses_spine) use_of(transfer.phase).spine_bytes += bytes;
  clock_.at(end + route.latency, handler, event);
}

// Puts what a leg adds up to on the links; when the last byte of it arrives.
Seconds AnalyticNetwork::carry(const RouteSums::Totals& totals, const ExchangeLeg& leg,
                               Phase phase) {
  Seconds end = clock_.now();
  for (const LinkId link : totals.local.ids()) {
    const double local = totals.local[link], network = totals.network[link];
    const double wire = local * leg.local_inflation + network * leg.network_inflation;
    if (wire > 0) end = std::max(end, carry(link, phase, local + network, wire));
  }
  use_of(phase).spine_bytes += totals.spine;
  return end + totals.latency;
}

// When the link has carried this, after what it has to carry already.
Seconds AnalyticNetwork::carry(LinkId link, Phase phase, double bytes, double wire) {
  LinkUse& use = use_of(phase);
  use.bytes[link] += bytes;
  use.wire_bytes[link] += wire;
  free_[link] = std::max(free_[link], clock_.now()) + Bytes(wire) / cluster_.link(link).bandwidth;
  return free_[link];
}

void AnalyticNetwork::handle(const Event& event) {
  const LegRequest request = legs_[static_cast<std::size_t>(event.a)].request;
  std::vector<GpuId> gpus = std::move(legs_[static_cast<std::size_t>(event.a)].senders);
  std::sort(gpus.begin(), gpus.end());
  for (const GpuId gpu : gpus) request.listener->flow_ended(gpu, gpu, clock_.now());
  for (const GpuId gpu : gpus) request.listener->sent(request.index, gpu);
  for (const GpuId gpu : gpus) request.listener->received(request.index, gpu);
}

}  // namespace moesim
