#include "sim/calibration/exchange_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

struct Traffic {
  int tokens = 0, hidden = 0, top_k = 0, experts = 0, nodes = 1, ranks = 1;
};

// Normal mode: a token goes once to each distinct rank; over several nodes once to each distinct
// node, and is forwarded there. Bytes of a message as policies.md 4.3 lists them.
void set_normal_bytes(const Traffic& t, ExchangeSample& sample) {
  const double message =
      sample.phase == "dispatch" ? t.hidden * (1 + 4.0 / 128) + 12.0 * t.top_k : 2.0 * t.hidden;
  const double to_ranks = expected_distinct(t.experts, t.top_k, t.ranks);
  const double per_node = static_cast<double>(t.ranks) / t.nodes;
  sample.local_bytes = Bytes(t.tokens * message * to_ranks * (per_node - 1) / per_node);
  if (t.nodes == 1) return;
  const double to_nodes = expected_distinct(t.experts, t.top_k, t.nodes);
  sample.network_bytes = Bytes(t.tokens * message * to_nodes * (t.nodes - 1) / t.nodes);
}

// Low latency: one message for each (token, expert) pair, straight to its rank.
void set_low_latency_bytes(const Traffic& t, ExchangeSample& sample) {
  const double message =
      sample.phase == "dispatch" ? t.hidden * (1 + 4.0 / 128) + 16 : 2.0 * t.hidden;
  const double bytes = static_cast<double>(t.tokens) * t.top_k * message;
  const double per_node = static_cast<double>(t.ranks) / t.nodes;
  sample.local_bytes = Bytes(bytes * (per_node - 1) / t.ranks);
  sample.network_bytes = Bytes(bytes * (t.ranks - per_node) / t.ranks);
}

std::string reason_of(const Traffic& t) {
  if (t.tokens < 1 || t.hidden < 1 || t.top_k < 1 || t.nodes < 1 || t.ranks < 1)
    return "a size is below 1";
  if (t.top_k > t.experts) return "topk is above num_experts";
  if (t.experts % t.ranks != 0 || t.ranks % t.nodes != 0)
    return "ranks, nodes and experts do not divide each other";
  return {};
}

}  // namespace

bool is_exchange_table(const MeasuredTable& table) {
  for (const char* column : {"system", "num_nodes", "ep_size", "hidden_size", "topk", "num_experts",
                             "num_tokens_per_rank"})
    if (!table.has(column)) return false;
  return table.has("dispatch_transmit_us") || table.has("dispatch_us");
}

double expected_distinct(int experts, int top_k, int groups) {
  // The share of top-k sets that miss one group, as a product of ratios: C(E − E/X, k) / C(E, k).
  const int rest = experts - experts / groups;
  double missed = 1;
  for (int i = 0; i < top_k; ++i)
    missed *= std::max(0.0, static_cast<double>(rest - i)) / (experts - i);
  return groups * (1 - missed);
}

ExchangeRow read_exchange_row(const MeasuredTable& table, std::size_t row) {
  const bool normal = table.has("dispatch_transmit_us");
  const Traffic traffic{.tokens = table.integer(row, "num_tokens_per_rank"),
                        .hidden = table.integer(row, "hidden_size"),
                        .top_k = table.integer(row, "topk"),
                        .experts = table.integer(row, "num_experts"),
                        .nodes = table.integer(row, "num_nodes"),
                        .ranks = table.integer(row, "ep_size")};
  ExchangeRow read{.reason = reason_of(traffic), .suspect = table.text(row, "suspect") == "1"};
  if (!read.reason.empty()) return read;
  for (const std::string phase : {"dispatch", "combine"}) {
    ExchangeSample sample{.library = normal ? "deepep_normal" : "deepep_low_latency",
                          .phase = phase,
                          .system = table.text(row, "system"),
                          .crosses_nodes = traffic.nodes > 1,
                          .tokens = traffic.tokens};
    if (normal) {
      sample.sms = table.integer(row, phase + "_sms");
      sample.transmit = Seconds(1e-6 * table.number(row, phase + "_transmit_us"));
      sample.notify = Seconds(1e-6 * table.number(row, phase + "_notify_us"));
      set_normal_bytes(traffic, sample);
    } else {
      sample.transmit = Seconds(1e-6 * table.number(row, phase + "_us"));
      set_low_latency_bytes(traffic, sample);
    }
    read.samples.push_back(std::move(sample));
  }
  return read;
}

Seconds exchange_seconds(const ExchangeCost& cost, const ExchangeSample& sample,
                         const ExchangeRates& rates) {
  BytesPerSecond local = rates.nvlink * cost.local_efficiency;
  if (sample.sms > 0 && cost.rate_per_sm.value > 0)
    local = std::min(local, cost.rate_per_sm * static_cast<double>(sample.sms));
  if (cost.local_ceiling.value > 0) local = std::min(local, cost.local_ceiling);
  Seconds wire(0);
  if (sample.local_bytes.value > 0) wire = sample.local_bytes / local;
  if (sample.network_bytes.value > 0)
    wire = std::max(wire, sample.network_bytes / (rates.nic * cost.network_efficiency));
  return cost.start_up + cost.notify + wire;
}

}  // namespace moesim
