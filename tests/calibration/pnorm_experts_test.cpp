#include <gtest/gtest.h>

#include <cmath>

#include "tests/calibration/cost_models.hpp"

namespace moesim {
namespace {

// Compute of 64 rows: 6·1000·500·64 flops at half of 100 TFLOP/s = 3.84 µs. Weights: 3 MB at half
// of 1 TB/s = 6 µs.
constexpr const char* kHalf =
    "kind: pnorm_experts, compute_efficiency: 0.5, memory_efficiency: 0.5, exponent: ";

double microseconds(const CostModel& cost, const std::vector<int>& rows) {
  return 1e6 * cost.experts(round_work(rows)).total().value;
}

TEST(PnormExperts, AddsComputeAndMemoryAtExponentOne) {
  const auto cost = round_cost(experts_with(std::string(kHalf) + "1"));
  EXPECT_NEAR(microseconds(*cost, {1}), 3.84 + 6, 1e-9);
  EXPECT_NEAR(microseconds(*cost, {64}), 3.84 + 6, 1e-9);
  EXPECT_NEAR(microseconds(*cost, {65}), 7.68 + 6, 1e-9);
}

TEST(PnormExperts, TakesTheRootOfTheSumOfSquaresAtExponentTwo) {
  const auto cost = round_cost(experts_with(std::string(kHalf) + "2"));
  const KernelTime time = cost->experts(round_work(std::vector<int>{1}));
  const double total = std::sqrt(3.84 * 3.84 + 6 * 6);
  EXPECT_NEAR(1e6 * time.total().value, total, 1e-9);
  // The compute part, which a loss of SMs slows, is its share of the sum of squares.
  EXPECT_NEAR(1e6 * time.compute.value, total * 3.84 * 3.84 / (3.84 * 3.84 + 6 * 6), 1e-9);
}

TEST(PnormExperts, CountsOnlyExpertsThatHaveRows) {
  const auto cost = round_cost(experts_with(std::string(kHalf) + "1"));
  EXPECT_NEAR(microseconds(*cost, {0, 1, 0, 65}), 9.84 + 13.68, 1e-9);
  EXPECT_NEAR(microseconds(*cost, {0, 0}), 0, 1e-12);
}

TEST(PnormExperts, ReadsWeightsAgainForRowsBeyondATile) {
  const auto cost =
      round_cost(experts_with(std::string(kHalf) + "1, reread: 0.5, tile_base: 32, tile_slope: 2"));
  ExpertWork work = round_work(std::vector<int>{});
  const std::vector<int> rows = {128};
  work.tokens = rows;
  work.usual_rows = 16;  // a tile of 32 + 2·16 = 64 rows: one tile is read again at half price
  EXPECT_NEAR(1e6 * cost->experts(work).total().value, 7.68 + 6 * 1.5, 1e-9);
  work.usual_rows = 48;  // a tile of 128 rows
  EXPECT_NEAR(1e6 * cost->experts(work).total().value, 7.68 + 6, 1e-9);
}

TEST(PnormExperts, TakesTheMeanRowsWhereTheUsualOnesAreNotSaid) {
  const auto cost =
      round_cost(experts_with(std::string(kHalf) + "1, reread: 0.5, tile_base: 1, tile_slope: 1"));
  // Mean 63 over two slots: tiles of 64 rows. 126 rows: 7.68 + 6·(1 + 0.5·(126/64 − 1)).
  EXPECT_NEAR(microseconds(*cost, {126, 0}), 7.68 + 6 * (1 + 0.5 * (126.0 / 64 - 1)), 1e-9);
}

TEST(PnormExperts, AddsAllThatDoesNotDependOnTheSpread) {
  const auto cost = round_cost(experts_with(
      std::string(kHalf) +
      "1, base: 10 us, slot: 1 us, active: 500 ns, expert: 100 ns, hidden: 1 ns, width: 2 ns, "
      "route_hidden: 1 ps, route_width: 4 ps, token_hidden: 2 ps, token_choice: 3 ns, "
      "token_expert: 1 ns, extra_width: 100"));
  const std::vector<int> rows = {1, 0, 65};
  ExpertWork work = round_work(rows);
  work.top_k = 4;
  work.input_tokens = 50;
  work.routed_experts = 8;
  const double experts = (3.84 + 7.68) + 2 * 6 * 600 / 500.0;  // weights as 600 columns wide
  const double fixed = 10 + 3 * 1 + 2 * 0.5 + 8 * 0.1 + 1000 * 1e-3 + 500 * 2e-3;
  const double traffic = 66 * 1000 * 1e-6 + 66 * 500 * 4e-6 + 50 * 1000 * 2e-6;
  const double routing = 50 * 4 * 3e-3 + 50 * 8 * 1e-3;
  EXPECT_NEAR(1e6 * cost->experts(work).total().value, experts + fixed + traffic + routing, 1e-9);
}

TEST(PnormExperts, NeverGetsFasterWithMoreRowsOrMoreExperts) {
  const auto cost =
      round_cost(experts_with(std::string(kHalf) +
                              "3, reread: 0.5, tile_base: 7, tile_slope: 0.8, active: 10 ns, "
                              "route_hidden: 9 ps"));
  double before = 0;
  for (int rows = 0; rows < 700; rows += 3) {
    const std::vector<int> tokens = {5, rows, 40};
    ExpertWork work = round_work(tokens);
    work.usual_rows = 30;
    const double time = cost->experts(work).total().value;
    EXPECT_GE(time, before) << rows;
    before = time;
  }
}

TEST(PnormExperts, ChargesAHotExpertMoreThanTheSameRowsSpreadEvenly) {
  const auto cost = round_cost(
      experts_with(std::string(kHalf) + "8, reread: 0.5, tile_base: 7, tile_slope: 0.8"));
  ExpertWork even = round_work({}), skewed = round_work({});
  const std::vector<int> even_rows(8, 64), skewed_rows = {400, 16, 16, 16, 16, 16, 16, 16};
  even.tokens = even_rows;
  skewed.tokens = skewed_rows;
  even.usual_rows = skewed.usual_rows = 64;
  EXPECT_GT(cost->experts(skewed).total().value, 1.2 * cost->experts(even).total().value);
}

}  // namespace
}  // namespace moesim
