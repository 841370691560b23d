// Rows of tables of all-to-all measurements in which every rank sends the same number of tokens to
// a uniform random top-k:
//   deepep_normal.csv, deepep_low_latency.csv   a row with both phases
//   deepep_readme_tables.csv                    DeepEP's own, some as a bandwidth
//   alltoall_pplx_h100.csv                      pplx-kernels' own
// The prediction is exchange_time() of sim/model/exchange_cost.hpp, which runs use as well.
#pragma once

#include <string>
#include <vector>

#include "sim/calibration/measured_table.hpp"
#include "sim/model/uniform_exchange.hpp"

namespace moesim {

struct ExchangeSample {
  std::string library;  // deepep_normal, deepep_low_latency, pplx, pplx_ibrc, nccl
  std::string phase;    // dispatch, combine
  std::string system;   // H200, …
  UniformTraffic traffic;
  ExchangeWork work;  // of the traffic
  Seconds measured;   // counting step and transfer; 0 = the row does not say
  Seconds notify;     // the counting step alone, where it was measured
  double size = 0;    // tokens of a rank, or bytes of a message: what folds leave out
  bool crosses_nodes() const { return traffic.domains > 1; }
};

// A sample of the traffic. `library` decides the family. `system` is a datasheet's or unknown.
ExchangeSample exchange_sample(const std::string& library, UniformTraffic traffic,
                               const std::string& system, Seconds measured);

bool is_exchange_table(const MeasuredTable& table);

// Samples of a row, dispatch before combine; `reason` says why there are none.
struct ExchangeRow {
  std::vector<ExchangeSample> samples;
  std::string reason;
  bool suspect = false;  // marked as contradicting every other source, or measured again later
};
ExchangeRow read_exchange_row(const MeasuredTable& table, std::size_t row);

// The same of the tables that libraries' authors print (exchange_publications.cpp).
bool is_publication(const MeasuredTable& table);
ExchangeRow read_publication_row(const MeasuredTable& table, std::size_t row);

// The time behind a bandwidth that DeepEP's tests print for normal mode: bytes after deduplication
// over nodes (or ranks, inside one), a rank's own share included.
Seconds deepep_time_at(double gigabytes_per_second, const UniformTraffic& traffic);

// Nodes that a token of DeepSeek-V3 may use (deepseek-ai/DeepEP, tests/test_internode.py: at most
// 4).
int usual_node_limit(int nodes);

}  // namespace moesim
