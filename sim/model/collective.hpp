// Collectives of a group of GPUs: who sends how much to whom, and what that costs.
//
// A collective moves `size` bytes as nccl-tests counts them: the buffer that every rank holds
// before an all-reduce, a broadcast or an all-to-all, after an all-gather, before a reduce-scatter.
// The forms are those of NCCL (github.com/NVIDIA/nccl; Sanders et al. 2009 for the two trees) and
// of the one-kernel all-reduces of TensorRT-LLM, vLLM and SGLang:
//   ring       n − 1 hops, or twice that (all-reduce); every rank passes all but its own share
//   tree       up and down two binary trees over the nodes, a chain inside a node
//   one_hop    NVSwitch reduces and multicasts (NVLS): a rank sends its buffer, and its share again
//   one_shot   every rank reads the whole buffer of every other
//   two_shot   reduce-scatter and all-gather, each in one hop
//   pairwise   all-to-all: an equal share of the buffer to every rank, as an exchange
//   (ExchangeCost)
// A group over several domains crosses NICs in one ring for each GPU of a domain, so that its NICs
// share the bytes.
//   time = start_up + hops · per_hop + wire + ramp · wire / (wire + ramp_scale)
#pragma once

#include <string_view>

#include "sim/model/exchange_cost.hpp"

namespace moesim {

enum class CollectiveKind { kAllReduce, kAllGather, kReduceScatter, kBroadcast, kAllToAll };
const char* to_string(CollectiveKind kind);                // "all_reduce", …
CollectiveKind collective_kind_of(std::string_view name);  // of those

enum class CollectiveAlgorithm { kRing, kTree, kOneHop, kOneShot, kTwoShot, kPairwise };
const char* to_string(CollectiveAlgorithm algorithm);  // "ring", …
CollectiveAlgorithm collective_algorithm_of(std::string_view name);

// Equal numbers of GPUs in each NVLink domain.
struct CollectiveGroup {
  int ranks = 1, domains = 1;
};

// What one rank does.
struct CollectiveWork {
  double local_hops = 0, network_hops = 0;  // one after the other, on the longest path
  Bytes local, network;                     // over its NVLink port and its NIC
};
CollectiveWork collective_work(CollectiveKind kind, CollectiveAlgorithm algorithm,
                               const CollectiveGroup& group, Bytes size);

// Coefficients of a library, kind, algorithm and scope.
struct CollectiveCost {
  CollectiveAlgorithm algorithm = CollectiveAlgorithm::kRing;
  Seconds start_up, per_local_hop, per_network_hop;
  Seconds ramp, ramp_scale;  // as in ExchangeCost
  double local_efficiency = 1, network_efficiency = 1;
  double pair_loss = 0;  // of the local rate, divided by the GPUs of a domain: fewer channels
};

// Notify is 0.
ExchangeTime collective_time(const CollectiveCost& cost, CollectiveKind kind,
                             const CollectiveGroup& group, Bytes size, const PortRates& rates);

// The form that a library would take, and its time.
struct CollectiveChoice {
  CollectiveAlgorithm algorithm = CollectiveAlgorithm::kRing;
  ExchangeTime time;
};

}  // namespace moesim
