#include "sim/solve/balanced_assignment.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "sim/base/random.hpp"
#include "sim/solve/least_cost_matching.hpp"

namespace moesim {
namespace {

double sum_of(const Matrix& score, const std::vector<int>& columns) {
  double sum = 0;
  for (std::size_t row = 0; row < columns.size(); ++row)
    sum += score(row, static_cast<std::size_t>(columns[row]));
  return sum;
}

// The third row pushes the first out of column 0, which pushes the second out of column 1:
// 5 + 4 + 9, where leaving the others in place gives 6 + 5 + 0.
TEST(BalancedAssignment, MovesRowsAlongAPathOfColumns) {
  Matrix score(3, 3);
  const double values[3][3] = {{6, 5, 0}, {0, 5, 4}, {9, 0, 0}};
  for (std::size_t r = 0; r < 3; ++r)
    for (std::size_t c = 0; c < 3; ++c) score(r, c) = values[r][c];
  EXPECT_EQ(balanced_assignment(score, std::vector<int>{1, 1, 1}), (std::vector<int>{1, 2, 0}));
}

TEST(BalancedAssignment, FillsNoColumnBeyondItsRoom) {
  const Matrix score(5, 3, 1.0);
  const std::vector<int> columns = balanced_assignment(score, std::vector<int>{3, 0, 2});
  EXPECT_EQ(std::count(columns.begin(), columns.end(), 0), 3);
  EXPECT_EQ(std::count(columns.begin(), columns.end(), 2), 2);
}

// A column with room for three is three columns with room for one.
TEST(BalancedAssignment, IsAsGoodAsAMatchingToTheSinglePlaces) {
  Rng rng(6, Purpose::kPlacement);
  for (int trial = 0; trial < 30; ++trial) {
    const std::size_t rows = 24, columns = 8, places = 3;
    Matrix score(rows, columns), cost(rows, columns * places);
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t c = 0; c < columns * places; ++c) {
        if (c % places == 0) score(r, c / places) = rng.normal() + (c == 0 ? 2 : 0);
        cost(r, c) = -score(r, c / places);
      }
    double best = 0;
    const std::vector<int> place = least_cost_matching(cost);
    for (std::size_t r = 0; r < rows; ++r) best -= cost(r, static_cast<std::size_t>(place[r]));
    const std::vector<int> found =
        balanced_assignment(score, std::vector<int>(columns, static_cast<int>(places)));
    EXPECT_NEAR(sum_of(score, found), best, 1e-9);
  }
}

}  // namespace
}  // namespace moesim
