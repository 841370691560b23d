// What the exchange kinds share: parameters, message sizes, and the cost that an exchange library
// adds to the wire.
#pragma once

#include <string>

#include "sim/exchange/reach.hpp"
#include "sim/model/port_rates.hpp"

namespace moesim {

// Defaults of a kind for the parameters below.
struct ExchangeDefaults {
  std::string library;
  std::string sms = "0";
  std::string window = "0";
  std::string routing = "direct";
};

// `library`, `dispatch_dtype`, `sms`, `window`, `routing`.
std::vector<Parameter> exchange_parameters(const ExchangeDefaults& defaults);

// The values of these parameters.
struct ExchangeSettings {
  explicit ExchangeSettings(const Arguments& arguments);
  bool fp8_dispatch(const MoeModel& model) const;
  std::string library;
  std::string dispatch_dtype;
  int sms = 0;
  Schedule schedule;
  RouteRule rule = RouteRule::kDirect;
};

// Payload bytes of one activation row: bf16, or fp8 with a float32 scale for every 128 values.
double bf16_row(const MoeModel& model);
double fp8_row(const MoeModel& model);

// Source and target swapped, times `factor`.
ByteMatrix transposed(const ByteMatrix& bytes, double factor);
// `rows` [source × gpu] times bytes per row.
ByteMatrix bytes_of(const RowMatrix& rows, double bytes_per_row);
// Sum over sources: rows that reach each GPU.
IdVector<GpuId, double> received_rows(const RowMatrix& rows);

// The mean over the GPUs of what they send.
struct ExchangeRows {
  double rows = 0;    // copies of tokens
  double staged = 0;  // of them through the buffers of a NIC
  double messages = 0;
  double row_bytes = 0;
  double sms = 0;  // that move rows; 0: not limited by SMs
};

// Builds the exchanges of the settings' library over one cluster.
class ExchangeBuilder {
 public:
  ExchangeBuilder(const ExchangeSettings& settings, const ExchangeRequest& request,
                  const Domains& domains);

  // An exchange with the library's start-up and notify times, and a leg for each matrix. The times
  // are those of exchange_time() for the mean over the GPUs: a GPU with more bytes than the mean
  // takes longer in proportion. The library's start-up contains the latency of the links, which
  // the engine adds, so it is taken off here.
  Exchange build(Phase phase, std::vector<ByteMatrix> legs, const ExchangeRows& rows) const;

  double mean(const RowMatrix& rows) const;  // over the GPUs

 private:
  ExchangeWork work_of(const std::vector<ByteMatrix>& legs, const ExchangeRows& rows) const;
  Seconds path_latency(RouteRule rule) const;

  const ExchangeSettings& settings_;
  const ExchangeRequest& request_;
  const Domains& domains_;
  PortRates rates_;
};

}  // namespace moesim
