#include "sim/engine/analytic_network.hpp"

#include <algorithm>

namespace moesim {

AnalyticNetwork::AnalyticNetwork(const Cluster& cluster, Clock& clock)
    : Network(cluster, clock),
      routes_(cluster),
      load_(cluster.links().size()),
      free_(cluster.links().size()) {}

int AnalyticNetwork::open(const LegRequest& request) {
  auto leg = std::find_if(legs_.begin(), legs_.end(), [](const Leg& each) { return !each.open; });
  if (leg == legs_.end()) leg = legs_.insert(legs_.end(), Leg{});
  *leg = {.request = request, .open = true};
  return static_cast<int>(leg - legs_.begin());
}

void AnalyticNetwork::send(int handle, GpuId source) {
  Leg& leg = legs_[static_cast<std::size_t>(handle)];
  leg.request.listener->flows_began(source, {&source, 1}, clock_.now());
  if (++leg.senders < cluster_.gpus()) return;
  const ExchangeLeg& traffic = *leg.request.leg;
  for (const GpuId from : traffic.bytes.row_ids()) {
    for (const GpuId to : traffic.bytes.column_ids()) {
      const double bytes = traffic.bytes(from, to);
      if (bytes > 0 && from != to)
        add_load(routes_.path(from, to, traffic.rule), leg.request.phase, bytes,
                 inflation(traffic, from, to));
    }
  }
  clock_.at(carry_load(), *this, {.a = handle});
}

void AnalyticNetwork::close(int handle) { legs_[static_cast<std::size_t>(handle)].open = false; }

void AnalyticNetwork::copy(const Transfer& transfer, EventHandler& handler, const Event& event) {
  add_load(routes_.path(transfer.source, transfer.target, RouteRule::kDirect), transfer.phase,
           transfer.size.value, 1);
  clock_.at(carry_load(), handler, event);
}

void AnalyticNetwork::add_load(const RouteCache::Path& path, Phase phase, double bytes,
                               double inflation) {
  const double wire = account(path, phase, bytes, inflation);
  latency_ = std::max(latency_, routes_.latencies()[static_cast<std::size_t>(path.latency)]);
  for (const int each : path.links) {
    const LinkId link(each);
    if (load_[link] == 0) loaded_.push_back(link);
    load_[link] += wire;
  }
}

// Puts what was added up on its links; when the last byte of it arrives.
Seconds AnalyticNetwork::carry_load() {
  Seconds end = clock_.now();
  for (const LinkId link : loaded_) {
    free_[link] =
        std::max(free_[link], clock_.now()) + Bytes(load_[link]) / cluster_.link(link).bandwidth;
    end = std::max(end, free_[link]);
    load_[link] = 0;
  }
  end += latency_;
  loaded_.clear();
  latency_ = Seconds(0);
  return end;
}

void AnalyticNetwork::handle(const Event& event) {
  const LegRequest request = legs_[static_cast<std::size_t>(event.a)].request;
  const IdRange<GpuId> gpus(cluster_.gpus());
  for (const GpuId gpu : gpus) request.listener->flow_ended(gpu, gpu, clock_.now());
  for (const GpuId gpu : gpus) request.listener->sent(request.index, gpu);
  for (const GpuId gpu : gpus) request.listener->received(request.index, gpu);
}

}  // namespace moesim
