// A plain all-to-all: one copy of the row for every route, straight between the GPUs (NCCL,
// Megatron's alltoall, Tutel's linear).
//
// NCCL sends to a few peers at a time, in shifted order, and crosses rails through the GPU on the
// target's rail (PXN). Window and SMs are assumed: NCCL batches 8 sends, on 16 channels.
#include "sim/exchange/library.hpp"

namespace moesim {
namespace {

class Direct final : public ExchangePolicy {
 public:
  explicit Direct(const Arguments& arguments) : settings_(arguments) {}
  RoutingDetail prefers() const override { return RoutingDetail::kCounts; }

  ExchangePlan plan(const ExchangeRequest& request) const override {
    const MoeModel& model = request.model;
    const auto routes = routes_by_gpu(request);
    const double row = settings_.fp8_dispatch(model) ? fp8_row(model) : bf16_row(model);
    const Domains domains = domains_of(request.cluster);
    const ExchangeBuilder builder(settings_, request, domains);
    ExchangeRows rows{
        .rows = builder.mean(routes), .messages = request.cluster.gpus() - 1.0, .row_bytes = row};
    ExchangePlan plan{.dispatch = builder.build(Phase::kDispatch, {bytes_of(routes, row)}, rows),
                      .received_tokens = received_rows(routes)};
    rows.row_bytes = bf16_row(model);
    plan.combine = builder.build(Phase::kCombine, {transposed(routes, rows.row_bytes)}, rows);
    return plan;
  }

  // A permuted copy of the routes to send, and room for as many to receive.
  Bytes buffer_bytes(const MoeModel& model, const Cluster&, int tokens_per_gpu,
                     int) const override {
    return Bytes(2.0 * tokens_per_gpu * model.top_k * bf16_row(model));
  }

 private:
  ExchangeSettings settings_;
};

const Register<ExchangePolicy, Direct> kDirect{
    {.name = "direct",
     .summary = "one copy per route between all pairs of GPUs (NCCL all-to-all)",
     .source = "NCCL, Megatron-LM, Tutel",
     .parameters =
         exchange_parameters({.library = "nccl", .sms = "16", .window = "8", .routing = "pxn"})}};

}  // namespace
}  // namespace moesim
