// DeepEP's normal kernels (deepseek-ai/DeepEP@dd758caf): a token travels once to every NVLink
// domain that wants it, to the GPU in the place of its source, and is forwarded over NVLink once to
// every GPU of that domain that wants it. Combine reduces on the way back.
//
// Dispatch starts with a notify step in which all ranks meet and learn the counts. Chunks are
// forwarded as they arrive. Every channel serves all peers in turn, so the window is open.
#include <algorithm>
#include <numeric>

#include "sim/exchange/deepep_buffers.hpp"
#include "sim/exchange/library.hpp"

namespace moesim {
namespace {

constexpr double kMetadata = 8 + 4;  // expert id and weight of each choice

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
    const double row = (settings_.fp8_dispatch(model) ? fp8_row(model) : bf16_row(model)) +
                       kMetadata * model.top_k;
    IdVector<GpuId, double> received = received_rows(reach.gpus);
    const double messages =
        std::accumulate(received.begin(), received.end(), 0.0) / request.cluster.gpus();
    const ExchangeBuilder builder("deepep_normal", settings_, request, domains);
    ExchangePlan plan{
        .dispatch = builder.build(
            Phase::kDispatch, legs_of(bytes_of(hops.first, row), bytes_of(hops.second, row), both),
            messages),
        .combine = combine(request, domains, reach, builder, messages),
        .received_tokens = std::move(received)};
    plan.dispatch.rendezvous = true;
    return plan;
  }

  Bytes buffer_bytes(const MoeModel& model, const Cluster& cluster, int) const override {
    return deepep_normal_buffers(model, cluster, settings_.sms);
  }

 private:
  // The way back: partial sums of a domain meet at the peer over NVLink, and go out as one row.
  // What comes from the source's own domain needs one hop only.
  static Exchange combine(const ExchangeRequest& request, const Domains& domains,
                          const Reach& reach, const ExchangeBuilder& builder, double messages) {
    const double row = bf16_row(request.model);
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
                         legs_of(std::move(first), std::move(second), domains.count() > 1),
                         messages);
  }

  ExchangeSettings settings_;
};

const Register<ExchangePolicy, HierarchicalDedup> kHierarchicalDedup{
    {.name = "hierarchical_dedup",
     .summary = "one copy per node over the NICs, then one per GPU over NVLink (DeepEP normal)",
     .source = "deepseek-ai/DeepEP@dd758caf",
     .parameters = exchange_parameters({.sms = "24"})}};

}  // namespace
}  // namespace moesim
