#include "sim/model/imbalance.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace moesim {
namespace {

const std::vector<double> kEven = {5, 5, 5, 5};
const std::vector<double> kOneHoldsAll = {0, 8, 0, 0};
const std::vector<double> kNothing = {0, 0, 0, 0};
const std::vector<double> kUneven = {1, 3, 2, 6};  // mean 3, sum 12

TEST(Imbalance, OfAnEvenLoadIsNone) {
  EXPECT_DOUBLE_EQ(max_over_mean(kEven), 1);
  EXPECT_DOUBLE_EQ(coefficient_of_variation(kEven), 0);
  EXPECT_DOUBLE_EQ(gini(kEven), 0);
  EXPECT_DOUBLE_EQ(normalized_entropy(kEven), 1);
  EXPECT_DOUBLE_EQ(effective_count(kEven), 4);
  EXPECT_DOUBLE_EQ(top_share(kEven, 1), 0.25);
}

TEST(Imbalance, WhereOneHoldsAllReachesItsBounds) {
  EXPECT_DOUBLE_EQ(max_over_mean(kOneHoldsAll), 4);
  EXPECT_DOUBLE_EQ(coefficient_of_variation(kOneHoldsAll), std::sqrt(3.0));
  EXPECT_DOUBLE_EQ(gini(kOneHoldsAll), 0.75);  // (n − 1) / n
  EXPECT_DOUBLE_EQ(normalized_entropy(kOneHoldsAll), 0);
  EXPECT_DOUBLE_EQ(effective_count(kOneHoldsAll), 1);
  EXPECT_DOUBLE_EQ(top_share(kOneHoldsAll, 1), 1);
}

TEST(Imbalance, OfAnUnevenLoadFollowsTheFormulas) {
  EXPECT_DOUBLE_EQ(max_over_mean(kUneven), 2);
  // Deviations −2, 0, −1, 3: squares 14, over 4, root, over 3.
  EXPECT_DOUBLE_EQ(coefficient_of_variation(kUneven), std::sqrt(3.5) / 3);
  // Sorted 1, 2, 3, 6: 2 (1 + 4 + 9 + 24) / (4 · 12) − 5/4.
  EXPECT_DOUBLE_EQ(gini(kUneven), 76.0 / 48 - 1.25);
  const double entropy = -(std::log(1 / 12.0) / 12 + std::log(3 / 12.0) * 3 / 12 +
                           std::log(2 / 12.0) * 2 / 12 + std::log(6 / 12.0) * 6 / 12);
  EXPECT_DOUBLE_EQ(effective_count(kUneven), std::exp(entropy));
  EXPECT_DOUBLE_EQ(normalized_entropy(kUneven), entropy / std::log(4.0));
  EXPECT_DOUBLE_EQ(top_share(kUneven, 2), 0.75);
  EXPECT_DOUBLE_EQ(balancedness_sglang(kUneven), 3.00001 / 6.00001);
}

TEST(Imbalance, OfNoLoadCountsAsEven) {
  EXPECT_DOUBLE_EQ(max_over_mean(kNothing), 1);
  EXPECT_DOUBLE_EQ(coefficient_of_variation(kNothing), 0);
  EXPECT_DOUBLE_EQ(gini(kNothing), 0);
  EXPECT_DOUBLE_EQ(normalized_entropy(kNothing), 1);
  EXPECT_DOUBLE_EQ(effective_count(kNothing), 4);
  EXPECT_DOUBLE_EQ(balancedness_sglang(kNothing), 1);
  EXPECT_DOUBLE_EQ(top_share(kNothing, 2), 0.5);
}

TEST(Quantile, InterpolatesBetweenOrderStatistics) {
  const std::vector<double> values = {40, 10, 30, 20};
  EXPECT_DOUBLE_EQ(quantile(values, 0), 10);
  EXPECT_DOUBLE_EQ(quantile(values, 1), 40);
  EXPECT_DOUBLE_EQ(quantile(values, 0.5), 25);
  EXPECT_DOUBLE_EQ(quantile(values, 0.25), 17.5);
  EXPECT_DOUBLE_EQ(quantile(std::vector<double>{7}, 0.99), 7);
}

}  // namespace
}  // namespace moesim
