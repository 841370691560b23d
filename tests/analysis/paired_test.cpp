#include "analysis/paired.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

namespace moesim {
namespace {

PairedDifference difference(std::vector<double> values, std::vector<double> baseline) {
  return paired_difference(values, baseline);
}

// With one degree of freedom the distribution is Cauchy's; with two it has a closed form, too.
TEST(StudentT, HasTheClosedFormsOfOneAndTwoDegreesOfFreedom) {
  for (const double confidence : {0.5, 0.9, 0.95, 0.999}) {
    const double p = (1 + confidence) / 2;
    const double one = std::tan(std::numbers::pi * (p - 0.5));
    EXPECT_NEAR(student_t(confidence, 1), one, 1e-9 * one);
    const double two = confidence * std::sqrt(2 / (4 * p * (1 - p)));
    EXPECT_NEAR(student_t(confidence, 2), two, 1e-9 * two);
  }
  EXPECT_NEAR(student_t(0.95, 100000), 1.95996, 1e-4) << "the normal distribution";
}

// 2, 3 and 4 %: mean 3 %, deviation 1 %, so ± 4.30265 · 1 % / √3.
TEST(PairedDifference, IsHigherWhereTheIntervalIsAboveZero) {
  const PairedDifference found = difference({102, 206, 52}, {100, 200, 50});
  EXPECT_NEAR(found.mean, 0.03, 1e-12);
  ASSERT_TRUE(found.interval);
  const double half = 0.95 * std::sqrt(2 / 0.0975) * 0.01 / std::sqrt(3);
  EXPECT_NEAR(found.interval->low, 0.03 - half, 1e-12);
  EXPECT_NEAR(found.interval->high, 0.03 + half, 1e-12);
  EXPECT_EQ(found.finding, Finding::kHigher);
  EXPECT_EQ(difference({98, 194, 48}, {100, 200, 50}).finding, Finding::kLower);
}

// 10 and 20 %: ± 12.706 · 5 %.
TEST(PairedDifference, ShowsNothingWhereTheIntervalHoldsZero) {
  const PairedDifference found = difference({110, 120}, {100, 100});
  EXPECT_NEAR(found.interval->low, 0.15 - std::tan(0.475 * std::numbers::pi) * 0.05, 1e-12);
  EXPECT_EQ(found.finding, Finding::kNothing);
}

// Seeds that differ by 50 % hide nothing: every pair differs by 1 %.
TEST(PairedDifference, IsSharpWhereSeedsDifferMoreThanVariants) {
  const PairedDifference found = difference({101, 151.5, 202}, {100, 150, 200});
  EXPECT_NEAR(found.interval->low, 0.01, 1e-12);
  EXPECT_EQ(found.finding, Finding::kHigher);
}

TEST(PairedDifference, SaysWhatOnePairCannot) {
  const PairedDifference found = difference({3}, {2});
  EXPECT_DOUBLE_EQ(found.mean, 0.5);
  EXPECT_FALSE(found.interval);
  EXPECT_EQ(found.finding, Finding::kUnknown);
}

TEST(PairedDifference, IsTheSameWhereEveryPairIs) {
  EXPECT_EQ(difference({1, 0}, {1, 0}).finding, Finding::kSame);
  EXPECT_EQ(difference({7}, {7}).finding, Finding::kSame);
}

}  // namespace
}  // namespace moesim
