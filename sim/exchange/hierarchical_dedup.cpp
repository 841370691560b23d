// DeepEP's normal kernels (deepseek-ai/DeepEP@dd758caf): a token travels once to every NVLink
// domain that wants it, to the GPU in the place of its source, and is forwarded over NVLink once to
// every GPU of that domain that wants it. Combine reduces on the way back.
//
// Dispatch starts with a notify step in which all ranks meet and learn the counts. Chunks are
// forwarded as they arrive. Every channel serves all peers in turn, so the window is open.
#include <numeric>

#include "sim/exchange/deepep_buffers.hpp"
#include "sim/exchange/library.hpp"
#include "sim/model/uniform_exchange.hpp"

namespace moesim {
namespace {

// Rows of the two hops of the dispatch.
struct Hops {
  RowMatrix first;   // to the peer of each domain, and inside the own domain
  RowMatrix second;  // from the peer to the GPUs of its domain
};

Hops hops_of(const Reach& reach, const Domains& domains) {
  const std::size_t gpus = reach.gpus.rows();
  Hops hops{.first = {gpus, gpus}, .second = {gpus, gpus}};
  for (const GpuId source : reach.gpus.row_ids()) {
    for (const DomainId domain : domains.members.ids()) {
      const bool own = domain == domains.of[source];
      const GpuId peer = domains.peer(domain, source);
      if (!own) hops.first(source, peer) += reach.domains(source, domain);
      for (const GpuId gpu : domains.members[domain])
        (own ? hops.first(source, gpu) : hops.second(peer, gpu)) += reach.gpus(source, gpu);
    }
  }
  return hops;
}

// One leg where no second hop carries anything.
std::vector<ByteMatrix> legs_of(ByteMatrix first, ByteMatrix second, bool both) {
  std::vector<ByteMatrix> legs{std::move(first)};
  if (both) legs.push_back(std::move(second));
  return legs;
}

class HierarchicalDedup final : public ExchangePolicy {
 public:
  explicit HierarchicalDedup(const Arguments& arguments) : settings_(arguments) {}
  RoutingDetail prefers() const override { return RoutingDetail::kIds; }

  ExchangePlan plan(const ExchangeRequest& request) const override {
    const MoeModel& model = request.model;
    const Domains domains = domains_of(request.cluster);
    const Reach reach = reach_of(request, domains);
    const Hops hops = hops_of(reach, domains);
    const bool both = domains.count() > 1;
    const ExchangeBuilder builder(settings_, request, domains);
    const double sent = builder.mean(reach.gpus);
    ExchangeRows rows{
        .rows = sent,
        // Written once for each domain, and read there once for each GPU.
        .staged =
            sent + std::accumulate(reach.domains.raw().begin(), reach.domains.raw().end(), 0.0) /
                       request.cluster.gpus(),
        .messages = sent,
        .row_bytes = (settings_.fp8_dispatch(model) ? fp8_row(model) : bf16_row(model)) +
                     kRouteMetadata * model.top_k,
        .sms = static_cast<double>(settings_.sms)};
    ExchangePlan plan{
        .dispatch = builder.build(Phase::kDispatch,
                                  legs_of(bytes_of(hops.first, rows.row_bytes),
                                          bytes_of(hops.second, rows.row_bytes), both),
                                  rows),
        .received_tokens = received_rows(reach.gpus)};
    rows.row_bytes = bf16_row(model);
    plan.combine = combine(domains, reach, builder, rows);
    plan.dispatch.rendezvous = true;
    return plan;
  }

  Bytes buffer_bytes(const MoeModel& model, const Cluster& cluster, int, int) const override {
    return deepep_normal_buffers(model, cluster, settings_.sms);
  }

 private:
  // The way back: partial sums of a domain meet at the peer over NVLink, and go out as one row.
  // What comes from the source's own domain needs one hop only.
  static Exchange combine(const Domains& domains, const Reach& reach,
                          const ExchangeBuilder& builder, const ExchangeRows& rows) {
    const double row = rows.row_bytes;
    const std::size_t gpus = reach.gpus.rows();
    ByteMatrix first(gpus, gpus), second(gpus, gpus);
    for (const GpuId source : reach.gpus.row_ids()) {
      for (const DomainId domain : domains.members.ids()) {
        const bool own = domain == domains.of[source];
        const GpuId peer = own ? source : domains.peer(domain, source);
        for (const GpuId gpu : domains.members[domain])
          first(gpu, peer) += row * reach.gpus(source, gpu);
        if (!own) second(peer, source) += row * reach.domains(source, domain);
      }
    }
    return builder.build(Phase::kCombine,
                         legs_of(std::move(first), std::move(second), domains.count() > 1), rows);
  }

  ExchangeSettings settings_;
};

const Register<ExchangePolicy, HierarchicalDedup> kHierarchicalDedup{
    {.name = "hierarchical_dedup",
     .summary = "one copy per node over the NICs, then one per GPU over NVLink (DeepEP normal)",
     .source = "deepseek-ai/DeepEP@dd758caf",
     .parameters = exchange_parameters({.library = "deepep_normal", .sms = "24"})}};

}  // namespace
}  // namespace moesim
