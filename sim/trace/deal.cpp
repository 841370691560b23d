#include "sim/trace/deal.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

bool all_equal(std::span<const int> tokens) {
  return std::all_of(tokens.begin(), tokens.end(), [&](int t) { return t == tokens.front(); });
}

// The row of each card: token i of the deal is row rows[i] of the routing. Sources with more tokens
// are dealt to more often: token t of a source that has n comes at (t + 1/2) / n of the deal.
std::vector<int> deal_order(std::span<const int> tokens, const std::vector<int>& first_token) {
  const std::int64_t total = first_token.back();
  const auto place_of = [&](std::int64_t t, std::int64_t n) {
    return (2 * t + 1) * total / (2 * n);
  };
  std::vector<int> next(static_cast<std::size_t>(total) + 1);  // counting sort by place
  for (const int n : tokens)
    for (int t = 0; t < n; ++t) ++next[static_cast<std::size_t>(place_of(t, n)) + 1];
  std::partial_sum(next.begin(), next.end(), next.begin());
  std::vector<int> rows(static_cast<std::size_t>(total));
  for (std::size_t gpu = 0; gpu < tokens.size(); ++gpu)
    for (int t = 0; t < tokens[gpu]; ++t) {
      int& card = next[static_cast<std::size_t>(place_of(t, tokens[gpu]))];
      rows[static_cast<std::size_t>(card++)] = first_token[gpu] + t;
    }
  return rows;
}

// Equal sources: route i belongs to source i mod gpus, so that counting needs no list of tokens.
ExpertCounts count_equal_deal(std::span<const ListedRoutes> list, int experts, int gpus) {
  ExpertCounts counts(gpus, experts);
  std::int64_t begin = 0;
  const auto before = [&](std::int64_t end, int gpu) { return (end + gpus - 1 - gpu) / gpus; };
  for (const ListedRoutes& routes : list) {
    const std::int64_t end = begin + routes.count;
    for (int gpu = 0; gpu < gpus; ++gpu)
      counts(GpuId(gpu), routes.expert) = static_cast<int>(before(end, gpu) - before(begin, gpu));
    begin = end;
  }
  return counts;
}

}  // namespace

Routing deal_routes(std::span<const ListedRoutes> list, int experts, int top_k,
                    std::span<const int> tokens, RoutingDetail detail) {
  Routing routing{.top_k = top_k, .first_token = first_tokens(tokens)};
  const std::int64_t total = routing.tokens();
  std::int64_t listed = 0;
  for (const ListedRoutes& routes : list) {
    MOESIM_CHECK(routes.count <= total, "no expert has more routes than there are tokens");
    listed += routes.count;
  }
  MOESIM_CHECK(listed == total * top_k, "the list has the routes of all tokens");
  if (detail == RoutingDetail::kCounts && !tokens.empty() && all_equal(tokens)) {
    routing.counts = count_equal_deal(list, experts, static_cast<int>(tokens.size()));
    return routing;
  }
  const std::vector<int> rows = deal_order(tokens, routing.first_token);
  routing.ids.resize(static_cast<std::size_t>(listed));
  std::size_t card = 0, choice = 0;
  for (const ListedRoutes& routes : list)
    for (int i = 0; i < routes.count; ++i) {
      routing.ids[static_cast<std::size_t>(rows[card]) * static_cast<std::size_t>(top_k) + choice] =
          static_cast<std::int16_t>(routes.expert.value);
      if (++card < rows.size()) continue;
      card = 0;
      ++choice;
    }
  routing.counts = count_routes(routing, experts);
  if (detail == RoutingDetail::kCounts) routing.ids.clear();
  return routing;
}

std::vector<int> apportion(std::span<const double> shares, std::int64_t routes, int most) {
  MOESIM_CHECK(routes <= static_cast<std::int64_t>(shares.size()) * most,
               "there is room for all routes");
  std::vector<int> counts(shares.size(), 0);
  // What is above `most` is shared by the others; each round settles at least one expert.
  std::vector<bool> full(shares.size(), false);
  std::vector<double> exact(shares.size(), 0);
  for (bool changed = true; changed;) {
    changed = false;
    double total = 0;
    std::int64_t left = routes;
    std::size_t open = 0;
    for (std::size_t e = 0; e < shares.size(); ++e) {
      if (full[e]) {
        left -= most;
      } else {
        total += shares[e];
        ++open;
      }
    }
    for (std::size_t e = 0; e < shares.size(); ++e) {
      if (full[e]) continue;
      exact[e] = static_cast<double>(left) *
                 (total > 0 ? shares[e] / total : 1 / static_cast<double>(open));
      if (exact[e] <= most) continue;
      full[e] = changed = true;
      exact[e] = most;
    }
  }
  std::vector<std::size_t> order;
  std::int64_t given = 0;
  for (std::size_t e = 0; e < shares.size(); ++e) {
    counts[e] = static_cast<int>(exact[e]);
    given += counts[e];
    order.push_back(e);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return exact[a] - counts[a] > exact[b] - counts[b];
  });
  for (std::size_t i = 0; given < routes; i = (i + 1) % order.size()) {
    if (counts[order[i]] >= most) continue;
    ++counts[order[i]];
    ++given;
  }
  return counts;
}

std::vector<ListedRoutes> list_by_count(std::span<const int> counts) {
  std::vector<ListedRoutes> list;
  for (std::size_t e = 0; e < counts.size(); ++e)
    list.push_back({.expert = ExpertId(e), .count = counts[e]});
  std::stable_sort(list.begin(), list.end(),
                   [](const ListedRoutes& a, const ListedRoutes& b) { return a.count > b.count; });
  return list;
}

}  // namespace moesim
