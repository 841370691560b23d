#include "sim/trace/deal.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "sim/model/power_law.hpp"
#include "tests/trace/make_trace.hpp"

namespace moesim {
namespace {

TEST(DealRoutes, WritesTheListDownTheColumnsAndDealsRowsToSourcesInTurn) {
  // Columns of four tokens: a a a b | b c c d. Tokens 0 and 2 of the deal go to source 0.
  const std::vector<ListedRoutes> list = {
      {ExpertId(0), 3}, {ExpertId(1), 2}, {ExpertId(2), 2}, {ExpertId(3), 1}};
  const std::vector<int> tokens = {2, 2};
  const Routing ids = deal_routes(list, 4, 2, tokens, RoutingDetail::kIds);
  EXPECT_EQ(ids.ids, (std::vector<std::int16_t>{0, 1, 0, 2, 0, 2, 1, 3}));
  EXPECT_EQ(ids.counts.raw(), (std::vector<int>{2, 1, 1, 0, 1, 1, 1, 1}));
  const Routing counts = deal_routes(list, 4, 2, tokens, RoutingDetail::kCounts);
  EXPECT_FALSE(counts.has_ids());
  EXPECT_EQ(counts.counts, ids.counts);
}

TEST(DealRoutes, GivesSourcesWithMoreTokensMoreOfEveryStretch) {
  const std::vector<ListedRoutes> list = {{ExpertId(0), 8}, {ExpertId(1), 8}};
  const std::vector<int> tokens = {12, 0, 4};
  const Routing routing = deal_routes(list, 2, 1, tokens, RoutingDetail::kCounts);
  EXPECT_EQ(routing.counts.raw(), (std::vector<int>{6, 6, 0, 0, 2, 2}));
}

TEST(Apportion, RoundsByLargestRemainderAndSharesOutWhatDoesNotFit) {
  EXPECT_EQ(apportion(std::vector<double>{5, 3, 2}, 7, 100), (std::vector<int>{4, 2, 1}));
  // 9 : 1 : 0 of 10 would be 9, 1, 0; at most 5 leaves 5 for the others by 1 : 0, then the cap.
  EXPECT_EQ(apportion(std::vector<double>{9, 1, 0}, 10, 5), (std::vector<int>{5, 5, 0}));
  EXPECT_EQ(apportion(std::vector<double>{9, 1, 0}, 12, 5), (std::vector<int>{5, 5, 2}));
  EXPECT_EQ(apportion(std::vector<double>{0, 0}, 3, 2), (std::vector<int>{2, 1}));
}

// The load of `part` in `parts` contiguous, equal or almost equal, stretches of experts.
std::vector<std::int64_t> stretches(std::span<const std::int64_t> load, int parts) {
  std::vector<std::int64_t> sums;
  const std::int64_t n = std::ssize(load);
  for (std::int64_t part = 0; part < parts; ++part) {
    const auto from = load.begin() + part * n / parts, to = load.begin() + (part + 1) * n / parts;
    sums.push_back(std::accumulate(from, to, std::int64_t{0}));
  }
  return sums;
}

void expect_even(std::span<const std::int64_t> load, const std::string& what) {
  const auto [least, most] = std::minmax_element(load.begin(), load.end());
  EXPECT_LE(*most - *least, 1) << what;
}

struct Shape {
  int experts = 0, top_k = 0, gpus = 0, tokens = 0;
  std::string name() const {
    return "E=" + std::to_string(experts) + " k=" + std::to_string(top_k) +
           " gpus=" + std::to_string(gpus) + " tokens=" + std::to_string(tokens);
  }
};

void expect_balanced(const Shape& shape, int step) {
  const auto trace = make_trace("balanced", routed_model(shape.experts, shape.top_k, 3));
  const std::vector<int> tokens(static_cast<std::size_t>(shape.gpus), shape.tokens);
  const Routing routing = route_of(*trace, step, 1, tokens, RoutingDetail::kCounts);
  const auto load = expert_load(routing.counts).raw();
  EXPECT_EQ(std::accumulate(load.begin(), load.end(), std::int64_t{0}),
            std::int64_t{shape.gpus} * shape.tokens * shape.top_k);
  expect_even(load, "experts, " + shape.name());
  for (int ranks = 1; ranks <= shape.experts; ++ranks)
    if (shape.experts % ranks == 0) expect_even(stretches(load, ranks), "ranks, " + shape.name());
  for (const GpuId gpu : routing.counts.row_ids()) {
    const auto row = routing.counts.row(gpu);
    const std::vector<std::int64_t> own(row.begin(), row.end());
    expect_even(own, "experts of a source, " + shape.name());
    for (int ranks = 1; ranks <= shape.experts; ++ranks)
      if (shape.experts % ranks == 0)
        expect_even(stretches(own, ranks), "ranks of a source, " + shape.name());
  }
}

TEST(Balanced, IsBalancedOnEveryRankAndFromEverySourceForEveryShape) {
  for (const int experts : {1, 2, 6, 8, 10, 16, 60, 64, 160})
    for (const int top_k : {1, 2, 3, 6, 8})
      for (const int gpus : {1, 2, 3, 8, 20})
        for (const int tokens : {0, 1, 2, 5, 16, 37})
          if (top_k <= experts)
            expect_balanced({experts, top_k, gpus, tokens}, experts + gpus + tokens);
}

TEST(Balanced, IsBalancedForSourcesOfDifferentSizes) {
  const auto trace = make_trace("balanced", routed_model(60, 4, 1));
  const std::vector<int> tokens = {31, 0, 7, 100, 1};
  const Routing routing = route_of(*trace, 5, 0, tokens);
  const auto load = expert_load(routing.counts).raw();
  for (const int ranks : {5, 12, 60}) expect_even(stretches(load, ranks), std::to_string(ranks));
  EXPECT_EQ(route_of(*trace, 5, 0, tokens, RoutingDetail::kCounts).counts, routing.counts);
}

TEST(Balanced, SendsATokenToDistinctExpertsWhereTopKDoesNotDivideThem) {
  // (t + j·⌈10/6⌉) mod 10 would meet itself at j = 5.
  const auto trace = make_trace("balanced", routed_model(10, 6, 1));
  const Routing routing = route_of(*trace, 0, 0, {7, 7});
  for (int token = 0; token < 14; ++token) {
    const auto ids = routing.ids_of(token);
    EXPECT_EQ(std::set<int>(ids.begin(), ids.end()).size(), 6u);
  }
}

TEST(Balanced, FollowsTheRuleForFewerTokensThanTheStride) {
  // E = 16, k = 2: stride 8. Four tokens of one GPU: ⌊t·8/4⌋ + j·8.
  const auto trace = make_trace("balanced", routed_model(16, 2, 1));
  EXPECT_EQ(route_of(*trace, 0, 0, {4}).ids,
            (std::vector<std::int16_t>{0, 8, 2, 10, 4, 12, 6, 14}));
}

TEST(PowerLaw, KeepsItsRangeAndItsMeanInClosedForm) {
  const PowerLawShape shape{.tokens = 1000, .experts = 20000, .top_k = 40};
  Rng rng(1, Purpose::kPopularity);
  const std::vector<double> draws = power_law_draws(shape, 1.5, rng);
  const auto [least, most] = std::minmax_element(draws.begin(), draws.end());
  EXPECT_GE(*least, 1);
  EXPECT_LE(*most, 800);
  // P(x > t) = (t^-0.5 − 800^-0.5) / (1 − 800^-0.5): at t = 4 it is 0.4817.
  const auto above = std::count_if(draws.begin(), draws.end(), [](double x) { return x > 4; });
  const double tail = 1 / std::sqrt(800.0);
  EXPECT_NEAR(static_cast<double>(above) / 20000, (0.5 - tail) / (1 - tail), 0.018);
}

TEST(PowerLaw, OfAlphaOneIsTheLogarithmicLimit) {
  const PowerLawShape shape{.tokens = 1000, .experts = 100, .top_k = 4};
  Rng one(1, Purpose::kPopularity), near(1, Purpose::kPopularity);
  const std::vector<double> limit = power_law_draws(shape, 1, one);
  const std::vector<double> close = power_law_draws(shape, 1 + 1e-6, near);
  for (std::size_t e = 0; e < limit.size(); ++e) EXPECT_NEAR(close[e] / limit[e], 1, 1e-4);
}

TEST(PowerLaw, RoundsCutsAndRepairsRankByRank) {
  // 10 tokens, k = 2: 20 routes over draws that sum to 40, so each halves: 17, 1 | 2, 0. The 17 is
  // cut at 10. Of the 7 that are missing rank 0 gets four, all to its second expert; rank 1 three:
  // 2, 0 → 2, 1 → 2, 2 → 3, 2.
  const PowerLawShape shape{.tokens = 10, .experts = 4, .top_k = 2, .ranks = 2};
  EXPECT_EQ(power_law_routes(shape, {34, 2, 4, 0}), (std::vector<int>{10, 5, 3, 2}));
}

TEST(PowerLaw, MovesTheHeaviestRankToTheFront) {
  const PowerLawShape shape{.tokens = 10, .experts = 6, .top_k = 1, .ranks = 3};
  EXPECT_EQ(power_law_routes(shape, {1, 1, 1, 1, 3, 3}), (std::vector<int>{3, 3, 1, 1, 1, 1}));
}

TEST(PowerLaw, RoundsHalvesToEven) {
  const PowerLawShape shape{.tokens = 4, .experts = 4, .top_k = 1, .ranks = 1};
  // Exact shares 0.5, 1.5, 1.5, 0.5 → 0, 2, 2, 0.
  EXPECT_EQ(power_law_routes(shape, {1, 3, 3, 1}), (std::vector<int>{0, 2, 2, 0}));
}

TEST(PowerLaw, WithoutStepSpreadIsTheSameInEveryStep) {
  const auto trace = make_trace("{kind: power_law, step_spread: 0}", routed_model(16, 2, 1));
  EXPECT_EQ(route_of(*trace, 0, 0, {64, 64}).ids, route_of(*trace, 9, 0, {64, 64}).ids);
  const auto load = expert_load(route_of(*trace, 0, 0, {64, 64}).counts).raw();
  EXPECT_GE(stretches(load, 2)[0], stretches(load, 2)[1]) << "the heaviest rank is rank 0";
}

}  // namespace
}  // namespace moesim
