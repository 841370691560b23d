// DeepEP's low-latency kernels (deepseek-ai/DeepEP@dd758caf): one message for every route, straight
// to the expert's GPU, into fixed buffers.
//
// A GPU waits for a count signal from every rank, also from those that send it nothing. With the
// receive hook no SM waits, so none is taken. A dispatch message is a 16-byte header and the row; a
// combine message is a bf16 row. All peers are served at once.
#include <algorithm>
#include <numeric>

#include "sim/exchange/library.hpp"

namespace moesim {
namespace {

constexpr double kHeader = 16;

class LowLatency final : public ExchangePolicy {
 public:
  explicit LowLatency(const Arguments& arguments) : settings_(arguments) {}
  RoutingDetail prefers() const override { return RoutingDetail::kCounts; }

  ExchangePlan plan(const ExchangeRequest& request) const override {
    const MoeModel& model = request.model;
    const auto routes = routes_by_gpu(request);
    const double row = settings_.fp8_dispatch(model) ? fp8_row(model) : bf16_row(model);
    const ExchangeBuilder builder("deepep_low_latency", settings_, request,
                                  domains_of(request.cluster));
    IdVector<GpuId, double> received = received_rows(routes);
    const double messages =
        std::accumulate(received.begin(), received.end(), 0.0) / request.cluster.gpus();
    ExchangePlan plan{
        .dispatch = builder.build(Phase::kDispatch, {bytes_of(routes, kHeader + row)}, messages),
        .combine = builder.build(Phase::kCombine, {transposed(routes, bf16_row(model))}, messages),
        .received_tokens = std::move(received)};
    plan.dispatch.signals = plan.combine.signals = true;
    return plan;
  }

  // Send and receive buffers for one message of every token to every expert, twice (double
  // buffering), as DeepEP's size hint has it. Slots fit both formats.
  Bytes buffer_bytes(const MoeModel& model, const Cluster&, int tokens_per_gpu) const override {
    const double scales = fp8_row(model) - model.hidden;
    const double dispatch = kHeader + std::max(bf16_row(model), fp8_row(model));
    const double combine = scales + bf16_row(model);
    const double slots = static_cast<double>(model.experts) * tokens_per_gpu;
    const double send = std::max(tokens_per_gpu * dispatch, slots * combine);
    return Bytes(2 * (send + slots * std::max(dispatch, combine)));
  }

 private:
  ExchangeSettings settings_;
};

const Register<ExchangePolicy, LowLatency> kLowLatency{
    {.name = "low_latency",
     .summary = "one message per route straight to the expert's GPU (DeepEP low latency)",
     .source = "deepseek-ai/DeepEP@dd758caf",
     .parameters = exchange_parameters({})}};

}  // namespace
}  // namespace moesim
