#include "sim/exchange/reach.hpp"

#include "sim/exchange/conditional_poisson.hpp"

namespace moesim {
namespace {

// Exact counts. A destination is counted when the token at hand has not been seen there yet.
void count_source(const ExchangeRequest& request, const Domains& domains, GpuId source,
                  Reach& reach) {
  const LayerPlacement& placement = request.placement;
  const Routing& routing = request.routing;
  std::vector<int> seen_gpu(static_cast<std::size_t>(placement.gpus()), -1);
  std::vector<int> seen_domain(static_cast<std::size_t>(domains.count()), -1);
  const auto to_gpu = reach.gpus.row(source);
  const auto to_domain = reach.domains.row(source);
  const int top_k = routing.top_k;
  for (int token = routing.first_token[source.index()];
       token < routing.first_token[source.index() + 1]; ++token) {
    const std::int16_t* slots =
        request.assignment.slots.data() + static_cast<std::ptrdiff_t>(token) * top_k;
    for (int choice = 0; choice < top_k; ++choice) {
      if (slots[choice] < 0) continue;
      const GpuId gpu = placement.gpu_of(SlotId(static_cast<int>(slots[choice])));
      if (seen_gpu[gpu.index()] == token) continue;
      seen_gpu[gpu.index()] = token;
      to_gpu[gpu.index()] += 1;
      const DomainId domain = domains.of[gpu];
      if (seen_domain[domain.index()] == token) continue;
      seen_domain[domain.index()] = token;
      to_domain[domain.index()] += 1;
    }
  }
}

// Expected counts of one source, from the routes it sends to each slot.
class Expectation {
 public:
  Expectation(const ExchangeRequest& request, GpuId source)
      : request_(request),
        routes_(request.assignment.routes.row(source)),
        counts_(request.routing.counts.row(source)),
        tokens_(request.routing.tokens_of(source)),
        draw_(shares(), request.routing.top_k),
        marked_(counts_.size()) {}

  // Tokens with at least one route to the GPUs.
  double tokens_to(std::span<const GpuId> gpus) {
    std::vector<Mark> marks;
    for (const GpuId gpu : gpus) collect(gpu, marks);
    for (Mark& mark : marks) {
      const auto expert = static_cast<std::size_t>(mark.item);
      mark.probability = marked_[expert] / counts_[expert];
      marked_[expert] = 0;
    }
    return marks.empty() ? 0 : tokens_ * (1 - draw_.none_marked(marks));
  }

 private:
  std::vector<double> shares() const {
    std::vector<double> share(counts_.size());
    for (std::size_t e = 0; e < share.size(); ++e) share[e] = counts_[e] / tokens_;
    return share;
  }

  // Adds up the routes of each expert to the GPU's slots in marked_, and lists the experts.
  void collect(GpuId gpu, std::vector<Mark>& marks) {
    const LayerPlacement& placement = request_.placement;
    for (int slot = placement.first_slot[gpu.index()]; slot < placement.first_slot[gpu.index() + 1];
         ++slot) {
      const int routes = routes_[static_cast<std::size_t>(slot)];
      if (routes == 0) continue;
      const ExpertId expert = placement.expert_of[SlotId(slot)];
      if (marked_[expert.index()] == 0) marks.push_back({.item = expert.value});
      marked_[expert.index()] += routes;
    }
  }

  const ExchangeRequest& request_;
  std::span<const int> routes_;  // [slots]
  std::span<const int> counts_;  // [experts]
  double tokens_ = 0;
  ConditionalPoisson draw_;
  std::vector<double> marked_;  // [experts], routes to the GPUs at hand
};

void expect_source(const ExchangeRequest& request, const Domains& domains, GpuId source,
                   Reach& reach) {
  if (request.routing.tokens_of(source) == 0) return;
  Expectation expectation(request, source);
  for (const GpuId gpu : reach.gpus.column_ids())
    reach.gpus(source, gpu) = expectation.tokens_to({&gpu, 1});
  for (const DomainId domain : reach.domains.column_ids())
    reach.domains(source, domain) = expectation.tokens_to(domains.members[domain]);
}

// Calls visit(source, gpu, rows) for the padding rows of each slot.
template <class Visit>
void for_each_padding(const ExchangeRequest& request, Visit visit) {
  const auto& padding = request.assignment.padding;
  for (const GpuId source : padding.row_ids())
    for (const SlotId slot : padding.column_ids())
      visit(source, request.placement.gpu_of(slot), padding(source, slot));
}

}  // namespace

GpuId Domains::peer(DomainId domain, GpuId gpu) const {
  const auto& gpus = members[domain];
  return gpus[static_cast<std::size_t>(place[gpu]) % gpus.size()];
}

Domains domains_of(const Cluster& cluster) {
  Domains domains{.of = IdVector<GpuId, DomainId>(cluster.gpus()),
                  .place = IdVector<GpuId, int>(cluster.gpus())};
  for (const GpuId gpu : domains.of.ids()) {
    DomainId own;
    for (const DomainId domain : domains.members.ids()) {
      if (!cluster.same_domain(domains.members[domain].front(), gpu)) continue;
      own = domain;
      break;
    }
    if (!own.valid()) {
      own = DomainId(domains.count());
      domains.members.raw().emplace_back();
    }
    domains.of[gpu] = own;
    domains.place[gpu] = static_cast<int>(domains.members[own].size());
    domains.members[own].push_back(gpu);
  }
  return domains;
}

Reach reach_of(const ExchangeRequest& request, const Domains& domains) {
  const int gpus = request.placement.gpus();
  Reach reach{.gpus = {gpus, gpus}, .domains = {gpus, domains.count()}};
  for (const GpuId source : reach.gpus.row_ids()) {
    if (request.assignment.slots.empty()) {
      expect_source(request, domains, source, reach);
    } else {
      count_source(request, domains, source, reach);
    }
  }
  for_each_padding(request, [&](GpuId source, GpuId gpu, double rows) {
    reach.gpus(source, gpu) += rows;
    reach.domains(source, domains.of[gpu]) += rows;
  });
  return reach;
}

RowMatrix routes_by_gpu(const ExchangeRequest& request) {
  const int gpus = request.placement.gpus();
  RowMatrix routes(gpus, gpus);
  for (const GpuId source : routes.row_ids()) {
    const auto slots = request.assignment.routes.row(source);
    for (std::size_t slot = 0; slot < slots.size(); ++slot)
      routes(source, request.placement.gpu_of(SlotId(slot))) += slots[slot];
  }
  for_each_padding(request,
                   [&](GpuId source, GpuId gpu, double rows) { routes(source, gpu) += rows; });
  return routes;
}

}  // namespace moesim
