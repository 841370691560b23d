// One copy of a token for every distinct GPU that wants it, straight there (DeepEP inside a node,
// TensorRT-LLM over NVLink).
//
// Costs are those of DeepEP's normal kernels: a notify step in which all ranks meet, then data on
// channels that serve all peers in turn.
#include "sim/exchange/deepep_buffers.hpp"
#include "sim/exchange/library.hpp"
#include "sim/model/uniform_exchange.hpp"

namespace moesim {
namespace {

class DirectDedup final : public ExchangePolicy {
 public:
  explicit DirectDedup(const Arguments& arguments) : settings_(arguments) {}
  RoutingDetail prefers() const override { return RoutingDetail::kIds; }

  ExchangePlan plan(const ExchangeRequest& request) const override {
    const MoeModel& model = request.model;
    const Domains domains = domains_of(request.cluster);
    const Reach reach = reach_of(request, domains);
    const ExchangeBuilder builder(settings_, request, domains);
    const double sent = builder.mean(reach.gpus);
    ExchangeRows rows{
        .rows = sent,
        .staged = sent,
        .messages = sent,
        .row_bytes = (settings_.fp8_dispatch(model) ? fp8_row(model) : bf16_row(model)) +
                     kRouteMetadata * model.top_k,
        .sms = static_cast<double>(settings_.sms)};
    ExchangePlan plan{
        .dispatch = builder.build(Phase::kDispatch, {bytes_of(reach.gpus, rows.row_bytes)}, rows),
        .received_tokens = received_rows(reach.gpus)};
    rows.row_bytes = bf16_row(model);
    plan.combine = builder.build(Phase::kCombine, {transposed(reach.gpus, rows.row_bytes)}, rows);
    plan.dispatch.rendezvous = true;
    return plan;
  }

  Bytes buffer_bytes(const MoeModel& model, const Cluster& cluster, int, int) const override {
    return deepep_normal_buffers(model, cluster, settings_.sms);
  }

 private:
  ExchangeSettings settings_;
};

const Register<ExchangePolicy, DirectDedup> kDirectDedup{
    {.name = "direct_dedup",
     .summary = "one copy per distinct GPU, straight there (DeepEP inside a node)",
     .source = "deepseek-ai/DeepEP@dd758caf",
     .parameters = exchange_parameters({.library = "deepep_normal", .sms = "24"})}};

}  // namespace
}  // namespace moesim
