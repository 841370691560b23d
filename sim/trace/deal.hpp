// Deals routes that are listed expert by expert to tokens, and the tokens to source GPUs.
//
// The list is written down column by column into [tokens × k]: route i goes to token i mod tokens,
// so that no token gets an expert twice as long as none has more routes than there are tokens
// (ai-dynamo/aiconfigurator). Tokens then go to the sources in turn, like cards: each source gets
// an even part of every stretch of the list.
#pragma once

#include <span>
#include <vector>

#include "sim/model/routing.hpp"

namespace moesim {

struct ListedRoutes {
  ExpertId expert;
  int count = 0;  // ≤ tokens
};

// `list` sums to (Σ tokens) · top_k. The ids of a token stand in the order of the list.
Routing deal_routes(std::span<const ListedRoutes> list, int experts, int top_k,
                    std::span<const int> tokens, RoutingDetail detail);

// `shares` scaled to `routes` in whole numbers: none above `most`, rounded by largest remainder,
// ties to the lower expert. Where all shares are 0 they count as equal. routes ≤ most · experts.
std::vector<int> apportion(std::span<const double> shares, std::int64_t routes, int most);

// The experts by falling count, ties to the lower one.
std::vector<ListedRoutes> list_by_count(std::span<const int> counts);

}  // namespace moesim
