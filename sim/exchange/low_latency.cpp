// DeepEP's low-latency kernels (deepseek-ai/DeepEP@dd758caf): one message for every route, straight
// to the expert's GPU, into fixed buffers.
//
// A GPU waits for a count signal from every rank, also from those that send it nothing. With the
// receive hook no SM waits, so none is taken. A dispatch message is a 16-byte header and the row; a
// combine message is a bf16 row. All peers are served at once. pplx-kernels
// (ppl-ai/pplx-kernels@12cecfda) send the same messages: `library: pplx`.
#include <algorithm>
#include <cstdint>
#include <limits>

#include "sim/exchange/library.hpp"
#include "sim/model/uniform_exchange.hpp"

namespace moesim {
namespace {

constexpr const char* kDeepEpLowLatency = "deepep_low_latency";

class LowLatency final : public ExchangePolicy {
 public:
  explicit LowLatency(const Arguments& arguments) : settings_(arguments) {}
  RoutingDetail prefers() const override { return RoutingDetail::kCounts; }

  ExchangePlan plan(const ExchangeRequest& request) const override {
    const MoeModel& model = request.model;
    const auto routes = routes_by_gpu(request);
    const double row = settings_.fp8_dispatch(model) ? fp8_row(model) : bf16_row(model);
    const Domains domains = domains_of(request.cluster);
    const ExchangeBuilder builder(settings_, request, domains);
    const double sent = builder.mean(routes);
    ExchangeRows rows{.rows = sent,
                      .messages = sent,
                      .row_bytes = kMessageHeader + row,
                      .sms = static_cast<double>(
                          low_latency_sms(request.placement.slots(), request.cluster.gpu().sms))};
    ExchangePlan plan{
        .dispatch = builder.build(Phase::kDispatch, {bytes_of(routes, rows.row_bytes)}, rows),
        .received_tokens = received_rows(routes)};
    rows.row_bytes = bf16_row(model);
    plan.combine = builder.build(Phase::kCombine, {transposed(routes, rows.row_bytes)}, rows);
    plan.dispatch.signals = plan.combine.signals = true;
    return plan;
  }

  bool padded() const override { return true; }

  // Send and receive buffers for one message of every token to every expert, twice (double
  // buffering), as DeepEP's size hint has it; copies of an expert are experts to it. A message's
  // room fits both formats.
  Bytes buffer_bytes(const MoeModel& model, const Cluster&, int tokens_per_gpu,
                     int slots) const override {
    const double scales = fp8_row(model) - model.hidden;
    const double dispatch = kMessageHeader + std::max(bf16_row(model), fp8_row(model));
    const double combine = scales + bf16_row(model);
    const double messages = static_cast<double>(slots) * tokens_per_gpu;
    const double send = std::max(tokens_per_gpu * dispatch, messages * combine);
    return Bytes(2 * (send + messages * std::max(dispatch, combine)));
  }

  // DeepEP counts 16-byte words of a buffer in 32 bits (csrc/deep_ep.cpp: num_rdma_bytes /
  // sizeof(int4) < INT_MAX); a buffer is a multiple of 128 bytes.
  std::optional<Bytes> buffer_limit() const override {
    if (settings_.library != kDeepEpLowLatency) return std::nullopt;
    return Bytes(16.0 * std::numeric_limits<std::int32_t>::max());
  }

 private:
  ExchangeSettings settings_;
};

const Register<ExchangePolicy, LowLatency> kLowLatency{
    {.name = "low_latency",
     .summary = "one message per route straight to the expert's GPU (DeepEP low latency)",
     .source = "deepseek-ai/DeepEP@dd758caf",
     .parameters = exchange_parameters({.library = kDeepEpLowLatency})}};

}  // namespace
}  // namespace moesim
