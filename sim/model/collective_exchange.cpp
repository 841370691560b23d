#include "sim/model/collective_exchange.hpp"

#include <algorithm>
#include <numeric>

#include "sim/base/check.hpp"
#include "sim/model/port_rates.hpp"

namespace moesim {
namespace {

constexpr RouteRule kRule = RouteRule::kPxn;

using DomainGpus = std::vector<std::vector<GpuId>>;  // [domain][place], in the group's order

DomainGpus domains_in(const std::vector<GpuId>& group, const Cluster& cluster) {
  DomainGpus domains;
  for (const GpuId gpu : group) {
    const auto own = std::find_if(domains.begin(), domains.end(), [&](const auto& domain) {
      return cluster.same_domain(domain.front(), gpu);
    });
    if (own == domains.end())
      domains.push_back({gpu});
    else
      own->push_back(gpu);
  }
  for (const auto& domain : domains)
    MOESIM_CHECK(domain.size() == domains.front().size(),
                 "a collective has as many GPUs in each NVLink domain");
  return domains;
}

// The `first`-th ring: it enters every domain at the same place, and its last GPU leaves through
// the NIC of that place (PXN), so that it stays on one rail.
std::vector<GpuId> ring_of(const DomainGpus& domains, std::size_t first) {
  const std::size_t places = domains.front().size();
  std::vector<GpuId> ring;
  for (const auto& domain : domains)
    for (std::size_t step = 0; step < places; ++step)
      ring.push_back(domain[(first + step) % places]);
  return ring;
}

void add_rings(const DomainGpus& domains, CollectiveKind kind, double size, ByteMatrix& bytes) {
  const std::size_t rings = domains.front().size();
  const double ranks = static_cast<double>(rings * domains.size());
  const double rounds = kind == CollectiveKind::kAllReduce ? 2 : 1;
  const bool broadcast = kind == CollectiveKind::kBroadcast;
  // One domain needs one ring; the others would be the same hops.
  const std::size_t used = domains.size() > 1 ? rings : 1;
  const double each =
      rounds * size * (broadcast ? 1 : (ranks - 1) / ranks) / static_cast<double>(used);
  for (std::size_t first = 0; first < used; ++first) {
    const std::vector<GpuId> ring = ring_of(domains, first);
    // A broadcast does not come back to where it started.
    for (std::size_t i = broadcast ? 1 : 0; i < ring.size(); ++i)
      bytes(ring[i == 0 ? ring.size() - 1 : i - 1], ring[i]) += each;
  }
}

// A binary tree over `count` nodes in heap order, or the one whose inner nodes are its leaves.
std::size_t parent_of(std::size_t node, std::size_t count, bool mirrored) {
  const std::size_t label = mirrored ? count - 1 - node : node;
  const std::size_t parent = (label - 1) / 2;
  return mirrored ? count - 1 - parent : parent;
}

// Up for the reduction, down for the result; a broadcast only goes down.
void add_trees(const DomainGpus& domains, CollectiveKind kind, double size, ByteMatrix& bytes) {
  const std::size_t places = domains.front().size(), count = domains.size();
  const double share = size / static_cast<double>(places);
  const auto edge = [&](GpuId child, GpuId parent, double each) {
    if (kind != CollectiveKind::kBroadcast) bytes(child, parent) += each;
    bytes(parent, child) += each;
  };
  for (std::size_t rail = 0; rail < places; ++rail) {
    for (const auto& domain : domains)
      for (std::size_t step = 1; step < places; ++step)
        edge(domain[(rail + step) % places], domain[(rail + step - 1) % places], share);
    for (const bool mirrored : {false, true})
      for (std::size_t node = 0; node < count; ++node) {
        const bool root = mirrored ? node == count - 1 : node == 0;
        if (root) continue;
        const std::size_t parent = parent_of(node, count, mirrored);
        edge(domains[node][rail], domains[parent][rail], share / 2);
      }
  }
}

// Every GPU the same to every peer of its domain.
void add_all_pairs(const DomainGpus& domains, double to_each, ByteMatrix& bytes) {
  for (const auto& domain : domains)
    for (const GpuId source : domain)
      for (const GpuId target : domain)
        if (source != target) bytes(source, target) += to_each;
}

// The switch has no row in the matrix: what passes a port is spread over its peers.
void add_one_hop(const DomainGpus& domains, CollectiveKind kind, double size, ByteMatrix& bytes) {
  const double places = static_cast<double>(domains.front().size());
  const double local =
      collective_work(kind, CollectiveAlgorithm::kOneHop,
                      {.ranks = static_cast<int>(places), .domains = 1}, Bytes(size))
          .local.value;
  if (places > 1) add_all_pairs(domains, local / (places - 1), bytes);
  if (domains.size() < 2) return;
  for (std::size_t place = 0; place < domains.front().size(); ++place) {
    DomainGpus rail;
    for (const auto& domain : domains) rail.push_back({domain[place]});
    add_trees(rail, kind, size / places, bytes);
  }
}

void add_bytes(const DomainGpus& domains, const Collective& collective,
               CollectiveAlgorithm algorithm, ByteMatrix& bytes) {
  const double size = collective.size.value;
  const double ranks = static_cast<double>(collective.group.size());
  switch (algorithm) {
    case CollectiveAlgorithm::kRing:
      return add_rings(domains, collective.kind, size, bytes);
    case CollectiveAlgorithm::kTree:
      return add_trees(domains, collective.kind, size, bytes);
    case CollectiveAlgorithm::kOneHop:
      return add_one_hop(domains, collective.kind, size, bytes);
    case CollectiveAlgorithm::kOneShot:
      return add_all_pairs(domains, size, bytes);
    case CollectiveAlgorithm::kTwoShot:
      return add_all_pairs(domains, 2 * size / ranks, bytes);
    case CollectiveAlgorithm::kPairwise:
      return add_all_pairs({collective.group}, size / ranks, bytes);
  }
}

// Wire time of a GPU over the time of the bytes of the busiest one at the port's own rate.
double inflation(Seconds wire, double bytes, BytesPerSecond rate) {
  return bytes > 0 && rate.value > 0 ? std::max(1.0, wire / (Bytes(bytes) / rate)) : 1;
}

// Most bytes that any GPU sends or receives inside its domain, and beyond.
struct Busiest {
  double local = 0, network = 0;
};

Busiest busiest_of(const ByteMatrix& bytes, const Cluster& cluster) {
  const auto gpus = static_cast<std::size_t>(cluster.gpus());
  std::vector<double> local_out(gpus), local_in(gpus), out(gpus), in(gpus);
  for (const GpuId source : bytes.row_ids())
    for (const GpuId target : bytes.column_ids()) {
      const double size = bytes(source, target);
      if (source == target || !(size > 0)) continue;
      const bool local = cluster.same_domain(source, target);
      (local ? local_out : out)[source.index()] += size;
      (local ? local_in : in)[target.index()] += size;
      const Route route = cluster.route(source, target, kRule);
      if (local || !route.relay.valid()) continue;
      local_out[source.index()] += size;
      local_in[route.relay.index()] += size;
    }
  const auto most = [](const std::vector<double>& a, const std::vector<double>& b) {
    return std::max(*std::max_element(a.begin(), a.end()), *std::max_element(b.begin(), b.end()));
  };
  return {.local = most(local_out, local_in), .network = most(out, in)};
}

}  // namespace

CollectiveGroup group_of(const Collective& collective, const Cluster& cluster) {
  return {.ranks = static_cast<int>(collective.group.size()),
          .domains = static_cast<int>(domains_in(collective.group, cluster).size())};
}

ByteMatrix collective_bytes(const Collective& collective, CollectiveAlgorithm algorithm,
                            const Cluster& cluster) {
  const auto gpus = static_cast<std::size_t>(cluster.gpus());
  ByteMatrix bytes(gpus, gpus);
  if (collective.group.size() > 1)
    add_bytes(domains_in(collective.group, cluster), collective, algorithm, bytes);
  return bytes;
}

Exchange expand(std::span<const Collective> collectives, const Cluster& cluster,
                const CostModel& cost) {
  MOESIM_CHECK(!collectives.empty(), "there is a collective to expand");
  const Collective& first = collectives.front();
  const PortRates rates = port_rates(cluster);
  const CollectiveGroup shape = group_of(first, cluster);
  const CollectiveChoice choice =
      cost.collective(first.kind, shape, first.size, rates, first.library);
  const auto gpus = static_cast<std::size_t>(cluster.gpus());
  ExchangeLeg leg{.bytes = ByteMatrix(gpus, gpus), .rule = kRule};
  std::vector<std::vector<GpuId>> groups;
  Seconds latency(0);
  for (const Collective& collective : collectives) {
    groups.push_back(collective.group);
    const CollectiveGroup own = group_of(collective, cluster);
    MOESIM_CHECK(own.ranks == shape.ranks && own.domains == shape.domains &&
                     collective.kind == first.kind && collective.size == first.size,
                 "collectives that are expanded together are alike");
    const ByteMatrix bytes = collective_bytes(collective, choice.algorithm, cluster);
    for (std::size_t i = 0; i < bytes.raw().size(); ++i) leg.bytes.raw()[i] += bytes.raw()[i];
    if (own.ranks > 1)
      latency = std::max(
          latency,
          cluster.route(collective.group.front(), collective.group.back(), RouteRule::kDirect)
              .latency);
  }
  const Busiest busiest = busiest_of(leg.bytes, cluster);
  leg.local_inflation = inflation(choice.time.local, busiest.local, rates.nvlink);
  leg.network_inflation = inflation(choice.time.network, busiest.network, rates.nic);
  return {.legs = {std::move(leg)},
          .groups = std::move(groups),
          .start_up = std::max(Seconds(0), choice.time.start_up - latency),
          .rendezvous = true,
          .sms = first.sms,
          .phase = first.phase};
}

}  // namespace moesim
