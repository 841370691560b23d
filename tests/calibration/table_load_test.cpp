#include "sim/calibration/table_load.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace moesim {
namespace {
using ::testing::Each;
using ::testing::ElementsAre;

Rng rng_for(int draw) {
  return Rng(1, Purpose::kValidation, 0, 0, static_cast<std::uint32_t>(draw));
}

TEST(BalancedLoad, FollowsTheStrideRule) {
  // Stride 2: tokens 0, 1, 2 go to (0, 2), (1, 3), (2, 0).
  EXPECT_THAT(balanced_load({.tokens = 3, .experts = 4, .top_k = 2}), ElementsAre(2, 1, 2, 1));
}

TEST(BalancedLoad, SpreadsFewTokens) {
  // Stride 4, two tokens: they start at 0 and ⌊1·4/2⌋ = 2.
  EXPECT_THAT(balanced_load({.tokens = 2, .experts = 8, .top_k = 2}),
              ElementsAre(1, 0, 1, 0, 1, 0, 1, 0));
}

TEST(BalancedLoad, IsEvenWhereTokensFillTheStride) {
  EXPECT_THAT(balanced_load({.tokens = 96, .experts = 256, .top_k = 8}), Each(3));
}

TEST(PowerLawLoad, SumsToAllRoutesWithNoExpertAboveTheTokens) {
  for (const LoadShape& shape :
       {LoadShape{1, 256, 8, 8}, LoadShape{3, 256, 8, 32}, LoadShape{32, 256, 8, 256},
        LoadShape{512, 128, 8, 4}, LoadShape{4096, 8, 2, 2}, LoadShape{2048, 512, 22, 16}}) {
    for (const double alpha : {0.6, 1.0, 1.01, 1.2}) {
      for (int draw = 0; draw < 5; ++draw) {
        Rng rng = rng_for(draw);
        const std::vector<int> load = power_law_load(shape, alpha, rng);
        ASSERT_EQ(load.size(), static_cast<std::size_t>(shape.experts));
        EXPECT_EQ(std::accumulate(load.begin(), load.end(), 0), shape.tokens * shape.top_k);
        EXPECT_LE(*std::max_element(load.begin(), load.end()), shape.tokens);
        EXPECT_GE(*std::min_element(load.begin(), load.end()), 0);
      }
    }
  }
}

TEST(PowerLawLoad, PutsTheHeaviestRankFirst) {
  const LoadShape shape{.tokens = 1024, .experts = 64, .top_k = 4, .ranks = 8};
  for (int draw = 0; draw < 20; ++draw) {
    Rng rng = rng_for(draw);
    const std::vector<int> load = power_law_load(shape, 1.01, rng);
    const auto rank_load = [&](int rank) {
      return std::accumulate(load.begin() + rank * 8, load.begin() + rank * 8 + 8, 0);
    };
    for (int rank = 1; rank < 8; ++rank) EXPECT_GE(rank_load(0), rank_load(rank));
  }
}

TEST(PowerLawLoad, IsMoreSkewedWithALargerExponent) {
  const LoadShape shape{.tokens = 4096, .experts = 128, .top_k = 8, .ranks = 1};
  const auto mean_of_maxima = [&](double alpha) {
    double sum = 0;
    for (int draw = 0; draw < 50; ++draw) {
      Rng rng = rng_for(draw);
      const std::vector<int> load = power_law_load(shape, alpha, rng);
      sum += *std::max_element(load.begin(), load.end());
    }
    return sum / 50;
  };
  EXPECT_LT(mean_of_maxima(0.6), mean_of_maxima(1.01));
  EXPECT_LT(mean_of_maxima(1.01), mean_of_maxima(1.2));
}

}  // namespace
}  // namespace moesim
