#include "sim/model/collective.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

// Sizes of a group, as ratios.
struct Shape {
  double ranks, domains, per_domain;
};

// A ring passes every rank; from domain to domain it crosses a NIC.
CollectiveWork ring_work(CollectiveKind kind, const Shape& s, double size) {
  const double rounds = kind == CollectiveKind::kAllReduce ? 2 : 1;
  const double share = kind == CollectiveKind::kBroadcast ? 1 : (s.ranks - 1) / s.ranks;
  const double network_hops = s.domains > 1 ? rounds * s.domains : 0;
  CollectiveWork work{.local_hops = std::max(0.0, rounds * (s.ranks - 1) - network_hops),
                      .network_hops = network_hops};
  // Over NVLink also to the GPU beside the NIC through which a ring leaves its domain.
  if (s.per_domain > 1) work.local = Bytes(rounds * share * size);
  if (s.domains > 1) work.network = Bytes(rounds * share * size / s.per_domain);
  return work;
}

CollectiveWork tree_work(CollectiveKind kind, const Shape& s, double size) {
  const double rounds = kind == CollectiveKind::kBroadcast ? 1 : 2;
  CollectiveWork work{.local_hops = rounds * (s.per_domain - 1),
                      .network_hops = rounds * std::ceil(std::log2(s.domains))};
  work.local = Bytes(rounds * size * (s.per_domain - 1) / s.per_domain);
  if (s.domains > 1) work.network = Bytes(rounds * size / s.per_domain);
  return work;
}

// Inside a domain; what goes on between domains is a tree of the shares.
CollectiveWork one_hop_work(CollectiveKind kind, const Shape& s, double size) {
  const bool all_reduce = kind == CollectiveKind::kAllReduce;
  CollectiveWork work{.local_hops = all_reduce ? 2.0 : 1.0};
  const double share = 1 / s.per_domain;
  if (s.per_domain > 1)
    work.local = Bytes(kind == CollectiveKind::kBroadcast ? size
                       : all_reduce                       ? size * (1 + share)
                                                          : size * (1 - share));
  if (s.domains < 2) return work;
  const double rounds = kind == CollectiveKind::kAllReduce ? 2 : 1;
  work.network_hops = rounds * std::ceil(std::log2(s.domains));
  work.network = Bytes(rounds * size * share);
  return work;
}

CollectiveWork shots_work(CollectiveAlgorithm algorithm, const Shape& s, double size) {
  const bool one = algorithm == CollectiveAlgorithm::kOneShot;
  return {.local_hops = one ? 1.0 : 2.0,
          .local = Bytes(size * (s.ranks - 1) * (one ? 1 : 2 / s.ranks))};
}

}  // namespace

const char* to_string(CollectiveKind kind) {
  switch (kind) {
    case CollectiveKind::kAllReduce:
      return "all_reduce";
    case CollectiveKind::kAllGather:
      return "all_gather";
    case CollectiveKind::kReduceScatter:
      return "reduce_scatter";
    case CollectiveKind::kBroadcast:
      return "broadcast";
    case CollectiveKind::kAllToAll:
      return "all_to_all";
  }
  return "";
}

const char* to_string(CollectiveAlgorithm algorithm) {
  switch (algorithm) {
    case CollectiveAlgorithm::kRing:
      return "ring";
    case CollectiveAlgorithm::kTree:
      return "tree";
    case CollectiveAlgorithm::kOneHop:
      return "one_hop";
    case CollectiveAlgorithm::kOneShot:
      return "one_shot";
    case CollectiveAlgorithm::kTwoShot:
      return "two_shot";
    case CollectiveAlgorithm::kPairwise:
      return "pairwise";
  }
  return "";
}

CollectiveKind collective_kind_of(std::string_view name) {
  using enum CollectiveKind;
  for (const CollectiveKind kind : {kAllReduce, kAllGather, kReduceScatter, kBroadcast, kAllToAll})
    if (name == to_string(kind)) return kind;
  MOESIM_CHECK(false, "the name of a collective was checked where it was read");
  return kAllReduce;
}

CollectiveAlgorithm collective_algorithm_of(std::string_view name) {
  using enum CollectiveAlgorithm;
  for (const CollectiveAlgorithm algorithm : {kRing, kTree, kOneHop, kOneShot, kTwoShot, kPairwise})
    if (name == to_string(algorithm)) return algorithm;
  MOESIM_CHECK(false, "the name of an algorithm was checked where it was read");
  return kRing;
}

CollectiveWork collective_work(CollectiveKind kind, CollectiveAlgorithm algorithm,
                               const CollectiveGroup& group, Bytes size) {
  const Shape shape{.ranks = static_cast<double>(group.ranks),
                    .domains = static_cast<double>(group.domains),
                    .per_domain = static_cast<double>(group.ranks) / group.domains};
  if (group.ranks < 2) return {};
  switch (algorithm) {
    case CollectiveAlgorithm::kRing:
      return ring_work(kind, shape, size.value);
    case CollectiveAlgorithm::kTree:
      return tree_work(kind, shape, size.value);
    case CollectiveAlgorithm::kOneHop:
      return one_hop_work(kind, shape, size.value);
    case CollectiveAlgorithm::kOneShot:
    case CollectiveAlgorithm::kTwoShot:
      return shots_work(algorithm, shape, size.value);
    case CollectiveAlgorithm::kPairwise:
      break;
  }
  return {};
}

ExchangeTime collective_time(const CollectiveCost& cost, CollectiveKind kind,
                             const CollectiveGroup& group, Bytes size, const PortRates& rates) {
  ExchangeTime time;
  if (group.ranks < 2) return time;
  const CollectiveWork work = collective_work(kind, cost.algorithm, group, size);
  const double per_domain = static_cast<double>(group.ranks) / group.domains;
  const double local_efficiency =
      cost.local_efficiency * (1 - std::min(0.9, cost.pair_loss / per_domain));
  time.local = transfer_time(work.local, rates.nvlink * local_efficiency);
  time.network = transfer_time(work.network, rates.nic * cost.network_efficiency);
  const Seconds wire = slower_of(time.local, time.network);
  (time.network > time.local ? time.network : time.local) = wire;
  time.start_up = cost.start_up + cost.per_local_hop * work.local_hops +
                  cost.per_network_hop * work.network_hops;
  if (wire.value > 0) time.start_up += cost.ramp * (wire / (wire + cost.ramp_scale));
  return time;
}

}  // namespace moesim
