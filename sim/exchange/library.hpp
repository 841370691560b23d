// What the exchange kinds share: parameters, message sizes, and the cost that an exchange library
// adds to the wire.
#pragma once

#include <string>

#include "sim/exchange/reach.hpp"

namespace moesim {

// Defaults of a kind for the parameters below.
struct ExchangeDefaults {
  std::string sms = "0";
  std::string window = "0";
  std::string routing = "direct";
};

// `dispatch_dtype`, `sms`, `window`, `routing`.
std::vector<Parameter> exchange_parameters(const ExchangeDefaults& defaults);

// The values of these parameters.
struct ExchangeSettings {
  explicit ExchangeSettings(const Arguments& arguments);
  bool fp8_dispatch(const MoeModel& model) const;
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

// Builds the exchanges of one library over one cluster.
class ExchangeBuilder {
 public:
  ExchangeBuilder(std::string library, const ExchangeSettings& settings,
                  const ExchangeRequest& request, const Domains& domains);

  // An exchange with the library's start-up and notify times, and a leg for each matrix. Every rank
  // sends about `messages` messages, which cost sender time where the library says so.
  Exchange build(Phase phase, std::vector<ByteMatrix> legs, double messages) const;

 private:
  double local_inflation(const ExchangeCost& cost) const;

  std::string library_;
  const ExchangeSettings& settings_;
  const ExchangeRequest& request_;
  bool crosses_domains_ = false;
  BytesPerSecond local_rate_;  // of the narrowest link between two GPUs of a domain; 0 = no such
};

}  // namespace moesim
