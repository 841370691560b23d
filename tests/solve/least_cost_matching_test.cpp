#include "sim/solve/least_cost_matching.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "sim/base/random.hpp"

namespace moesim {
namespace {

Matrix matrix_of(const std::vector<std::vector<double>>& rows) {
  Matrix matrix(rows.size(), rows.front().size());
  for (std::size_t r = 0; r < rows.size(); ++r)
    for (std::size_t c = 0; c < rows[r].size(); ++c) matrix(r, c) = rows[r][c];
  return matrix;
}

double cost_of(const Matrix& cost, const std::vector<int>& columns) {
  double sum = 0;
  for (std::size_t row = 0; row < columns.size(); ++row)
    sum += cost(row, static_cast<std::size_t>(columns[row]));
  return sum;
}

// Each row's cheapest column would be 1, 1 and 1 or 2. Of the six permutations 1 + 2 + 2 = 5 is the
// cheapest; the greedy 0 + 3 + 3 is 6.
TEST(LeastCostMatching, GivesUpACheapPairForACheaperWhole) {
  const Matrix cost = matrix_of({{4, 1, 3}, {2, 0, 5}, {3, 2, 2}});
  EXPECT_EQ(least_cost_matching(cost), (std::vector<int>{1, 0, 2}));
}

TEST(LeastCostMatching, LeavesDearColumnsOutAndTakesNegativeCosts) {
  // 2 − 5 = −3; −3 + 1 = −2 is dearer.
  EXPECT_EQ(least_cost_matching(matrix_of({{7, -3, 9, 2}, {8, -5, 1, 6}})),
            (std::vector<int>{3, 1}));
}

TEST(LeastCostMatching, IsAsCheapAsTheBestOfAllPermutations) {
  Rng rng(4, Purpose::kPlacement);
  for (int trial = 0; trial < 30; ++trial) {
    Matrix cost(6, 6);
    for (std::size_t r = 0; r < 6; ++r)
      for (std::size_t c = 0; c < 6; ++c) cost(r, c) = rng.normal();
    std::vector<int> columns(6);
    std::iota(columns.begin(), columns.end(), 0);
    double best = cost_of(cost, columns);
    while (std::next_permutation(columns.begin(), columns.end()))
      best = std::min(best, cost_of(cost, columns));
    EXPECT_NEAR(cost_of(cost, least_cost_matching(cost)), best, 1e-12);
  }
}

}  // namespace
}  // namespace moesim
