#include "sim/trace/sampler.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

namespace moesim {
namespace {

std::vector<double> geometric_weights(int experts, double ratio) {
  std::vector<double> weights;
  for (int e = 0; e < experts; ++e) weights.push_back(std::pow(ratio, e));
  return weights;
}

// Draws per expert over many tokens: of every choice, or of the first alone.
std::vector<int> draw_tokens(std::span<const double> weights, int top_k, int tokens,
                             bool first_only = false) {
  DistinctSampler sampler;
  sampler.reset(weights, top_k);
  Rng rng(11, Purpose::kRouting);
  std::vector<int> counts(weights.size());
  std::vector<std::int16_t> ids(static_cast<std::size_t>(top_k));
  for (int token = 0; token < tokens; ++token) {
    sampler.draw(rng, ids);
    const std::set<std::int16_t> distinct(ids.begin(), ids.end());
    EXPECT_EQ(distinct.size(), ids.size());
    for (std::size_t i = 0; i < (first_only ? 1 : ids.size()); ++i)
      ++counts[static_cast<std::size_t>(ids[i])];
  }
  return counts;
}

void expect_share(int count, int trials, double share) {
  EXPECT_NEAR(count, trials * share, 5 * std::sqrt(trials * share * (1 - share)) + 1e-9);
}

TEST(DistinctSampler, MakesTheFirstChoiceByWeight) {
  const std::vector<double> weights = {5, 1, 0, 3, 1};
  const std::vector<int> counts = draw_tokens(weights, 3, 40000, true);
  for (std::size_t e = 0; e < weights.size(); ++e) expect_share(counts[e], 40000, weights[e] / 10);
}

TEST(DistinctSampler, GivesPairsTheirClosedFormProbability) {
  // Successive sampling of two: p_e + Σ_{j≠e} p_j p_e / (1 − p_j), with p = 0.5, 0.3, 0.2.
  const std::vector<double> weights = {0.5, 0.3, 0.2};
  const std::vector<double> inclusion = {0.5 + 0.3 * 0.5 / 0.7 + 0.2 * 0.5 / 0.8,
                                         0.3 + 0.5 * 0.3 / 0.5 + 0.2 * 0.3 / 0.8,
                                         0.2 + 0.5 * 0.2 / 0.5 + 0.3 * 0.2 / 0.7};
  const std::vector<int> counts = draw_tokens(weights, 2, 40000);
  for (std::size_t e = 0; e < 3; ++e) expect_share(counts[e], 40000, inclusion[e]);
}

TEST(DistinctSampler, StaysExactWhereOneExpertHoldsNearlyAllTheWeight) {
  const std::vector<double> weights = {1e-9, 1, 2e-9, 1e-9};
  const std::vector<int> counts = draw_tokens(weights, 2, 8000);
  EXPECT_EQ(counts[1], 8000);
  expect_share(counts[0], 8000, 0.25);
  expect_share(counts[2], 8000, 0.5);
}

TEST(DistinctSampler, DrawsWeightlessExpertsOnlyWhereNothingElseIsLeft) {
  const std::vector<int> enough = draw_tokens(std::vector<double>{0, 1, 1, 0}, 2, 1000);
  EXPECT_EQ(enough, (std::vector<int>{0, 1000, 1000, 0}));
  const std::vector<int> short_by_one = draw_tokens(std::vector<double>{0, 1, 1, 0}, 3, 8000);
  EXPECT_EQ(short_by_one[1], 8000);
  expect_share(short_by_one[0], 8000, 0.5);
  const std::vector<int> none = draw_tokens(std::vector<double>{0, 0, 0, 0}, 1, 8000);
  for (const int count : none) expect_share(count, 8000, 0.25);
}

TEST(DistinctSampler, TakesEveryExpertWhereTopKIsAllOfThem) {
  EXPECT_EQ(draw_tokens(geometric_weights(6, 0.01), 6, 100), std::vector<int>(6, 100));
}

TEST(CountSampler, GivesEveryTokenItsRoutesAndNoExpertATokenTwice) {
  Rng shapes(2, Purpose::kRouting);
  CountSampler sampler;
  for (int trial = 0; trial < 400; ++trial) {
    const int experts = 1 + shapes.below(40);
    const int top_k = 1 + shapes.below(experts);
    const int tokens = shapes.below(300);
    sampler.reset(geometric_weights(experts, 0.2 + 0.8 * shapes.uniform()), top_k);
    std::vector<int> counts(static_cast<std::size_t>(experts));
    sampler.draw(shapes, tokens, counts);
    EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), 0), tokens * top_k);
    EXPECT_LE(*std::max_element(counts.begin(), counts.end()), tokens);
    EXPECT_GE(*std::min_element(counts.begin(), counts.end()), 0);
  }
}

TEST(CountSampler, KnowsThePairProbabilityInClosedForm) {
  CountSampler sampler;
  sampler.reset(std::vector<double>{0.5, 0.3, 0.2}, 2);
  EXPECT_NEAR(sampler.inclusion()[0], 0.5 + 0.3 * 0.5 / 0.7 + 0.2 * 0.5 / 0.8, 1e-12);
  EXPECT_NEAR(sampler.inclusion()[1], 0.3 + 0.5 * 0.3 / 0.5 + 0.2 * 0.3 / 0.8, 1e-12);
  EXPECT_NEAR(sampler.inclusion()[2], 0.2 + 0.5 * 0.2 / 0.5 + 0.3 * 0.2 / 0.7, 1e-12);
}

// A token asks for an expert or not, whatever the others do: the count is binomial.
TEST(CountSampler, GivesCountsTheMeanAndVarianceOfABinomial) {
  for (const double ratio : {1.0, 0.9, 0.6}) {
    CountSampler sampler;
    sampler.reset(geometric_weights(32, ratio), 4);
    Rng rng(3, Purpose::kRouting);
    const int tokens = 200, draws = 4000;
    std::vector<double> sum(32), squares(32);
    std::vector<int> counts(32);
    for (int i = 0; i < draws; ++i) {
      sampler.draw(rng, tokens, counts);
      for (std::size_t e = 0; e < 32; ++e) {
        sum[e] += counts[e];
        squares[e] += counts[e] * counts[e];
      }
    }
    for (std::size_t e = 0; e < 32; ++e) {
      const double p = sampler.inclusion()[e];
      const double mean = sum[e] / draws, variance = tokens * p * (1 - p);
      EXPECT_NEAR(mean, tokens * p, 5 * std::sqrt(variance / draws) + 2e-3 * tokens * p);
      // 1/32 less for the known sum; the rest is noise.
      if (variance > 1) {
        EXPECT_NEAR((squares[e] / draws - mean * mean) / variance, 1, 0.15) << e;
      }
    }
  }
}

TEST(CountSampler, AgreesWithDrawingTheTokens) {
  const int tokens = 60000;
  for (const int experts : {16, 64}) {
    const std::vector<double> weights = geometric_weights(experts, 1 - 4.0 / experts);
    CountSampler sampler;
    sampler.reset(weights, 6);
    const std::vector<int> drawn = draw_tokens(weights, 6, tokens);
    for (std::size_t e = 0; e < weights.size(); ++e) {
      const double share = sampler.inclusion()[e];
      EXPECT_NEAR(drawn[e], tokens * share,
                  5 * std::sqrt(tokens * share * (1 - share)) + 0.3 / experts * tokens);
    }
  }
}

}  // namespace
}  // namespace moesim
