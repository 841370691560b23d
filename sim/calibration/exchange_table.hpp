// Rows of the tables of all-to-all measurements, `deepep_normal.csv` and `deepep_low_latency.csv`:
// every rank sends the same number of tokens to a uniform random top-k.
//
// The prediction is the port bound: the bytes of a rank over its NIC and over its NVLink port, the
// slower of the two, after the start-up. The simulator's exchanges use the same costs on real
// bytes.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/calibration/measured_table.hpp"
#include "sim/model/cost_model.hpp"

namespace moesim {

struct ExchangeSample {
  std::string library;  // deepep_normal, deepep_low_latency
  std::string phase;    // dispatch, combine
  std::string system;
  bool crosses_nodes = false;
  int tokens = 0;            // of each rank
  int sms = 0;               // 0: not limited by SMs
  Bytes network_bytes;       // that a rank sends over its NIC, expected
  Bytes local_bytes;         // over its NVLink port
  Seconds transmit, notify;  // measured
  Seconds measured() const { return transmit + notify; }
};

bool is_exchange_table(const MeasuredTable& table);

// Dispatch and combine of a row; `reason` says why there are none.
struct ExchangeRow {
  std::vector<ExchangeSample> samples;
  std::string reason;
  bool suspect = false;  // marked as contradicting every other source
};
ExchangeRow read_exchange_row(const MeasuredTable& table, std::size_t row);

// Expected distinct groups that a token's uniform random top-k of `experts` falls into, with the
// experts in `groups` equal groups.
double expected_distinct(int experts, int top_k, int groups);

struct ExchangeRates {
  BytesPerSecond nvlink, nic;  // one way
};
Seconds exchange_seconds(const ExchangeCost& cost, const ExchangeSample& sample,
                         const ExchangeRates& rates);

struct ExchangeFit {
  std::string library, phase;
  bool crosses_nodes = false;
  ExchangeCost cost;
  int samples = 0;
  double mape = 0;           // on the rows fitted to
  double held_out_mape = 0;  // on every third token count, left out in turn
};

// One fit for each (library, phase, scope) of the samples; those of other systems than `system`
// serve only where a scope has no rows of its own.
std::vector<ExchangeFit> fit_exchanges(std::span<const ExchangeSample> samples,
                                       const std::string& system, const ExchangeRates& rates);

}  // namespace moesim
