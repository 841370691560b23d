#include "sim/exchange/group_exchange.hpp"

#include <algorithm>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

// The tokens of one source, and its counts, added to the source `to` of `all`, which has no later
// tokens yet.
void append_source(const Routing& routing, GpuId source, Routing& all, GpuId to) {
  const int first = routing.first_token[source.index()];
  const int last = routing.first_token[source.index() + 1];
  const auto top_k = static_cast<std::size_t>(routing.top_k);
  append_rows(routing.ids, first, last, top_k, all.ids);
  append_rows(routing.weights, first, last, top_k, all.weights);
  append_rows(routing.logits, first, last, static_cast<std::size_t>(routing.experts()), all.logits);
  all.first_token[to.index() + 1] += last - first;
  for (const ExpertId expert : routing.counts.column_ids())
    all.counts(to, expert) += routing.counts(source, expert);
}

Routing no_routes(int top_k, std::size_t sources, std::size_t experts) {
  return {.top_k = top_k,
          .first_token = std::vector<int>(sources + 1),
          .counts = ExpertCounts(sources, experts)};
}

}  // namespace

Routing routing_of(const Routing& routing, const std::vector<GpuId>& members, GpuId first) {
  Routing own = no_routes(routing.top_k, members.size(), routing.counts.columns());
  for (std::size_t rank = 0; rank < members.size(); ++rank) {
    own.first_token[rank + 1] = own.first_token[rank];
    append_source(routing, GpuId(members[rank].value - first.value), own, GpuId(rank));
  }
  return own;
}

void append_by_rank(Routing more, Routing& all) {
  if (all.first_token.empty()) {
    all = std::move(more);
    return;
  }
  MOESIM_CHECK(more.gpus() == all.gpus() && more.top_k == all.top_k, "groups are alike");
  Routing joined = no_routes(all.top_k, all.counts.rows(), all.counts.columns());
  for (const GpuId rank : all.counts.row_ids()) {
    joined.first_token[rank.index() + 1] = joined.first_token[rank.index()];
    append_source(all, rank, joined, rank);
    append_source(more, rank, joined, rank);
  }
  all = std::move(joined);
}

void add_group(Exchange exchange, const Grid& grid, const ExpertGroup& group,
               std::optional<Exchange>& all) {
  if (grid.plain()) {
    all = std::move(exchange);
    return;
  }
  const auto gpus = static_cast<std::size_t>(grid.cluster().gpus());
  if (!all) {
    all = exchange;
    all->groups.clear();
    for (ExchangeLeg& leg : all->legs) leg.bytes = ByteMatrix(gpus, gpus);
  }
  MOESIM_CHECK(exchange.groups.empty() && exchange.legs.size() == all->legs.size(),
               "groups exchange alike");
  all->groups.push_back(group.members);
  all->start_up = std::max(all->start_up, exchange.start_up);
  all->notify = std::max(all->notify, exchange.notify);
  for (std::size_t i = 0; i < exchange.legs.size(); ++i) {
    const ExchangeLeg& leg = exchange.legs[i];
    ExchangeLeg& sum = all->legs[i];
    sum.network_inflation = std::max(sum.network_inflation, leg.network_inflation);
    sum.local_inflation = std::max(sum.local_inflation, leg.local_inflation);
    for (const GpuId source : leg.bytes.row_ids())
      for (const GpuId target : leg.bytes.column_ids())
        sum.bytes(group.members[source.index()], group.members[target.index()]) +=
            leg.bytes(source, target);
  }
}

}  // namespace moesim
