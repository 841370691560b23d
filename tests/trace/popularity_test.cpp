// What every trace that draws routes from a popularity of experts must do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "sim/model/imbalance.hpp"
#include "tests/trace/make_trace.hpp"

namespace moesim {
namespace {

using ::testing::HasSubstr;

class Generators : public ::testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(AllKinds, Generators,
                         ::testing::Values("lognormal", "zipf", "power_law", "drift",
                                           "{kind: drift, jumps: [2, 4]}",
                                           "{kind: zipf, exponent: 4}",
                                           "{kind: lognormal, sigma: 3, source_spread: 1}"));

TEST_P(Generators, SendEveryTokenToDistinctExperts) {
  const auto trace = make_trace(GetParam(), routed_model(24, 5, 2));
  const Routing routing = route_of(*trace, 0, 1, {40, 0, 7});
  ASSERT_EQ(routing.ids.size(), 47u * 5);
  for (int token = 0; token < routing.tokens(); ++token) {
    const auto ids = routing.ids_of(token);
    EXPECT_EQ(std::set<int>(ids.begin(), ids.end()).size(), 5u);
    EXPECT_GE(*std::min_element(ids.begin(), ids.end()), 0);
    EXPECT_LT(*std::max_element(ids.begin(), ids.end()), 24);
  }
  EXPECT_EQ(routing.counts.raw(), count_routes(routing, 24).raw());
}

TEST_P(Generators, CountAllRoutesOfEverySource) {
  const auto trace = make_trace(GetParam(), routed_model(24, 5, 2));
  const std::vector<int> tokens = {40, 0, 7};
  const Routing routing = route_of(*trace, 0, 1, tokens, RoutingDetail::kCounts);
  EXPECT_FALSE(routing.has_ids());
  for (const GpuId gpu : routing.counts.row_ids()) {
    const auto row = routing.counts.row(gpu);
    EXPECT_EQ(std::accumulate(row.begin(), row.end(), 0), tokens[gpu.index()] * 5);
    EXPECT_LE(*std::max_element(row.begin(), row.end()), tokens[gpu.index()]);
  }
}

TEST_P(Generators, GiveTheSameRoutesInAnyOrderOfCalls) {
  const auto trace = make_trace(GetParam(), routed_model(24, 5, 2));
  const Routing first = route_of(*trace, 3, 1, {20, 20});
  route_of(*trace, 2, 0, {20, 20});
  trace->profile(2, std::vector<int>{20, 20}, Random(1));
  EXPECT_EQ(route_of(*trace, 3, 1, {20, 20}).ids, first.ids);
  EXPECT_EQ(route_of(*make_trace(GetParam(), routed_model(24, 5, 2)), 3, 1, {20, 20}).ids,
            first.ids);
  EXPECT_NE(route_of(*trace, 4, 1, {20, 20}).ids, first.ids);
  EXPECT_NE(route_of(*trace, 3, 0, {20, 20}).ids, first.ids);
  EXPECT_NE(route_of(*trace, 3, 1, {20, 20}, RoutingDetail::kIds, 2).ids, first.ids);
}

TEST_P(Generators, ProfileTheLayersTheyReplay) {
  const auto trace = make_trace(GetParam(), routed_model(24, 5, 2));
  const std::vector<int> tokens = {400, 400};
  const ExpertLoad profile = trace->profile(4, tokens, Random(1));
  ASSERT_EQ(profile.rows(), 2u);
  for (const LayerId layer : profile.row_ids()) {
    const auto row = profile.row(layer);
    EXPECT_DOUBLE_EQ(std::accumulate(row.begin(), row.end(), 0.0), 4 * 800 * 5);
    const Routing routing = route_of(*trace, 0, layer.value, tokens, RoutingDetail::kCounts);
    const auto load = expert_load(routing.counts);
    const auto hottest = std::max_element(row.begin(), row.end()) - row.begin();
    // The experts that were hot in the window are still asked for far more than the mean.
    EXPECT_GT(static_cast<double>(load.raw()[static_cast<std::size_t>(hottest)]),
              1.5 * 800 * 5 / 24);
  }
}

TEST(Lognormal, WithoutSpreadIsEvenButForChance) {
  const auto trace = make_trace("{kind: lognormal, sigma: 0, source_spread: 0, step_spread: 0}",
                                routed_model(64, 8, 1));
  const Routing routing =
      route_of(*trace, 0, 0, std::vector<int>(4, 20000), RoutingDetail::kCounts);
  for (const std::int64_t count : expert_load(routing.counts))
    EXPECT_NEAR(static_cast<double>(count), 10000, 5 * std::sqrt(80000 * 0.125 * 0.875));
}

TEST(Lognormal, SigmaIsTheSpreadOfTheLogarithmOfPopularity) {
  // With k = 1 a count is the tokens times the share, so ln(count) spreads as ln(popularity).
  const auto trace = make_trace("{kind: lognormal, sigma: 0.5, source_spread: 0, step_spread: 0}",
                                routed_model(512, 1, 1));
  const Routing routing =
      route_of(*trace, 0, 0, std::vector<int>(8, 1000000), RoutingDetail::kCounts);
  double sum = 0, squares = 0;
  for (const std::int64_t count : expert_load(routing.counts)) {
    const double x = std::log(static_cast<double>(count));
    sum += x;
    squares += x * x;
  }
  const double mean = sum / 512;
  EXPECT_NEAR(std::sqrt(squares / 512 - mean * mean), 0.5, 5 * 0.5 / std::sqrt(2 * 512));
}

TEST(Lognormal, SourceSpreadStaysWithTheSourceAndStepSpreadWithTheStep) {
  const auto spread = make_trace("{kind: lognormal, sigma: 0, source_spread: 1, step_spread: 0}",
                                 routed_model(32, 1, 1));
  const std::vector<int> tokens = {100000, 100000};
  const Routing now = route_of(*spread, 0, 0, tokens, RoutingDetail::kCounts);
  const Routing later = route_of(*spread, 1, 0, tokens, RoutingDetail::kCounts);
  const auto hottest = [](std::span<const int> row) {
    return std::max_element(row.begin(), row.end()) - row.begin();
  };
  for (const GpuId gpu : now.counts.row_ids())
    EXPECT_EQ(hottest(now.counts.row(gpu)), hottest(later.counts.row(gpu)));
  EXPECT_NE(hottest(now.counts.row(GpuId(0))), hottest(now.counts.row(GpuId(1))));
}

TEST(Zipf, AsksForTheSecondExpertTwoToTheExponentTimesLess) {
  const auto trace = make_trace("{kind: zipf, exponent: 1, source_spread: 0, step_spread: 0}",
                                routed_model(16, 1, 2));
  std::vector<std::vector<std::int64_t>> loads;
  for (const int layer : {0, 1}) {
    const Routing routing = route_of(*trace, 0, layer, {1000000}, RoutingDetail::kCounts);
    loads.push_back(expert_load(routing.counts).raw());
  }
  std::vector<std::int64_t> sorted = loads[0];
  std::sort(sorted.rbegin(), sorted.rend());
  double harmonic = 0;
  for (int rank = 1; rank <= 16; ++rank) harmonic += 1.0 / rank;
  for (std::size_t rank = 0; rank < 16; ++rank) {
    const double expected = 1e6 / harmonic / static_cast<double>(rank + 1);
    EXPECT_NEAR(static_cast<double>(sorted[rank]), expected, 5 * std::sqrt(expected));
  }
  EXPECT_NE(loads[0], loads[1]) << "which expert is hot is drawn per layer";
}

TEST(GeneratedTraces, HaveNoLogits) {
  const auto trace = make_trace("lognormal", routed_model(8, 2, 1));
  try {
    route_of(*trace, 0, 0, {4}, RoutingDetail::kLogits);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("test.yaml:1:8: error: this trace has no router logits, "
                                        "which the gate, the capacity or an event needs"));
  }
}

}  // namespace
}  // namespace moesim
