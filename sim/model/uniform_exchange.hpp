// An all-to-all whose ranks all send the same number of tokens to a uniform random top-k: what
// tables of measurements and logs of benchmarks hold. Gives the traffic of a rank in expectation.
#pragma once

#include <string>

#include "sim/model/exchange_cost.hpp"

namespace moesim {

// Payload bytes of one activation row: bf16, or fp8 with a float32 scale for every 128 values.
double bf16_row_bytes(int hidden);
double fp8_row_bytes(int hidden);

// DeepEP normal: expert id and weight of each choice travel with a dispatched row.
inline constexpr double kRouteMetadata = 8 + 4;
// DeepEP low latency: source index and padding before a dispatched row.
inline constexpr double kMessageHeader = 16;

// SMs of DeepEP's low-latency kernels: each takes as many experts as it must, evenly
// (deepseek-ai/DeepEP@dd758caf).
int low_latency_sms(int experts, int device_sms);

// Expected number of `groups` equal groups of experts that a token's uniform random top-k falls
// into, without repetition: X·(1 − C(E−E/X, k) / C(E, k)).
double expected_distinct(int experts, int top_k, int groups);

// The same where a token may use `limit` of the groups only, and picks those that hold its best
// experts (DeepSeek-V3's node limit): E[min(limit, distinct groups of its top-k)].
double expected_distinct(int experts, int top_k, int groups, int limit);

enum class ExchangeFamily {
  kDeduplicated,  // a row to each distinct domain, then to each distinct rank (DeepEP normal)
  kPerRoute,      // a message for each (token, expert) pair (DeepEP low latency, pplx)
};

struct UniformTraffic {
  ExchangeFamily family = ExchangeFamily::kDeduplicated;
  bool dispatch = true;  // fp8 rows; combine: bf16
  int tokens = 0;        // of each rank
  int hidden = 0, top_k = 0, experts = 0;
  int ranks = 1, domains = 1;
  int domain_limit = 0;  // domains that a token may use; 0 = all
  int sms = 0;           // of a deduplicated exchange
  int device_sms = 132;
};

// Why the sizes make no sense; empty if they do.
std::string traffic_mistake(const UniformTraffic& traffic);

ExchangeWork uniform_work(const UniformTraffic& traffic);

// An all-to-all of `size` bytes per rank, an equal share for each rank.
ExchangeWork uniform_work(Bytes size, int ranks, int domains);

}  // namespace moesim
