// Tables that the authors of DeepEP and pplx-kernels print in their repositories.
//
// DeepEP gives its normal kernels as a bandwidth: bytes that leave a rank, its own share included,
// after deduplication over nodes (RDMA) or ranks (NVLink), over the time (tests/test_internode.py,
// test_intranode.py). Where the table has a later row for the same normal exchange, it is of
// kernels that were replaced.
#include "sim/calibration/exchange_table.hpp"

namespace moesim {
namespace {

constexpr int kNodeSize = 8;
// Before, low latency sent through the NICs inside a node, too: every GPU a domain of its own.
constexpr const char* kLowLatencyUsesNvLink = "2025-06-01";
constexpr int kUsualSms = 24;  // of DeepEP's tests, where a row has none

bool is_deepep(const MeasuredTable& table) {
  return table.has("mode") && table.has("phase") && table.has("logical_bw_GBps");
}

// "H800+CX7-400G" → "H800"
std::string system_of(const MeasuredTable& table, std::size_t row) {
  const std::string& hardware = table.text(row, "hardware");
  return hardware.substr(0, hardware.find('+'));
}

UniformTraffic traffic_of(const MeasuredTable& table, std::size_t row) {
  const int ranks = table.integer(row, "ep_size");
  return {.tokens = table.integer(row, "num_tokens_per_rank"),
          .hidden = table.integer(row, "hidden_size"),
          .top_k = table.integer(row, "topk"),
          .experts = table.integer(row, "num_experts"),
          .ranks = ranks,
          .domains = (ranks + kNodeSize - 1) / kNodeSize};
}

bool measured_again(const MeasuredTable& table, std::size_t row) {
  for (std::size_t other = 0; other < table.rows(); ++other) {
    if (table.text(other, "date") <= table.text(row, "date")) continue;
    bool same = true;
    for (const char* column : {"hardware", "mode", "phase", "ep_size", "num_tokens_per_rank",
                               "hidden_size", "topk", "num_experts"})
      same = same && table.text(other, column) == table.text(row, column);
    if (same) return true;
  }
  return false;
}

ExchangeRow read_deepep(const MeasuredTable& table, std::size_t row) {
  UniformTraffic traffic = traffic_of(table, row);
  traffic.dispatch = table.text(row, "phase") == "dispatch";
  const bool normal = table.text(row, "mode") == "normal";
  if (normal)
    traffic.sms = table.text(row, "num_sms").empty() ? kUsualSms : table.integer(row, "num_sms");
  const bool superseded = normal && measured_again(table, row);
  if (!normal && table.text(row, "date") < kLowLatencyUsesNvLink) traffic.domains = traffic.ranks;
  ExchangeRow read{.reason = traffic_mistake(traffic), .suspect = superseded};
  if (!read.reason.empty()) return read;
  Seconds measured(0);
  if (!table.text(row, "latency_us").empty())
    measured = Seconds(1e-6 * table.number(row, "latency_us"));
  else if (normal)
    measured = deepep_time_at(table.number(row, "logical_bw_GBps"), traffic);
  read.samples = {exchange_sample(normal ? "deepep_normal" : "deepep_low_latency", traffic,
                                  system_of(table, row), measured)};
  return read;
}

// "IBGDA Dispatch": transport and phase.
ExchangeRow read_pplx(const MeasuredTable& table, std::size_t row) {
  const std::string& kernel = table.text(row, "kernel");
  const std::size_t space = kernel.find(' ');
  const std::string transport = kernel.substr(0, space);
  const std::string phase = space == std::string::npos ? "" : kernel.substr(space + 1);
  UniformTraffic traffic = traffic_of(table, row);
  traffic.dispatch = phase == "Dispatch";
  ExchangeRow read{.reason = traffic_mistake(traffic)};
  if (phase != "Dispatch" && phase != "Combine")
    read.reason = "no model of the kernel '" + kernel + "'";
  if (!read.reason.empty()) return read;
  const bool deepep = transport == "DeepEP";
  if (deepep) traffic.domains = traffic.ranks;
  read.suspect = deepep;  // copies of DeepEP's first table
  const std::string library =
      deepep ? "deepep_low_latency" : (transport == "IBRC" ? "pplx_ibrc" : "pplx");
  // The copied rows are of H800 nodes, whatever the column says.
  read.samples = {exchange_sample(library, traffic, deepep ? "H800" : system_of(table, row),
                                  Seconds(1e-6 * table.number(row, "latency_us")))};
  return read;
}

}  // namespace

Seconds deepep_time_at(double gigabytes_per_second, const UniformTraffic& t) {
  const int limit = usual_node_limit(t.domains);
  const double copies = t.domains > 1 ? expected_distinct(t.experts, t.top_k, t.domains, limit)
                                      : expected_distinct(t.experts, t.top_k, t.ranks);
  const double row = t.dispatch ? fp8_row_bytes(t.hidden) : bf16_row_bytes(t.hidden);
  return Bytes(t.tokens * copies * row) / BytesPerSecond(1e9 * gigabytes_per_second);
}

bool is_publication(const MeasuredTable& table) {
  const bool common = table.has("library") && table.has("hardware") && table.has("ep_size") &&
                      table.has("num_tokens_per_rank") && table.has("hidden_size") &&
                      table.has("topk") && table.has("num_experts") && table.has("latency_us");
  return common && (is_deepep(table) || table.has("kernel"));
}

ExchangeRow read_publication_row(const MeasuredTable& table, std::size_t row) {
  return is_deepep(table) ? read_deepep(table, row) : read_pplx(table, row);
}

}  // namespace moesim
