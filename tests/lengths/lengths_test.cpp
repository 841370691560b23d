#include "sim/lengths/lengths.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/plugin.hpp"

namespace moesim {
namespace {

struct Moments {
  double mean = 0, deviation = 0, least = 1e300, most = 0;
};

Moments moments_of(const std::string& section, double mean) {
  const auto lengths = plugin<Lengths>(section);
  Rng rng = Random(3).stream(Purpose::kLengths);
  constexpr int kDraws = 40000;
  double sum = 0, squares = 0;
  Moments moments;
  for (int i = 0; i < kDraws; ++i) {
    const double length = lengths->draw(mean, rng);
    sum += length;
    squares += length * length;
    moments.least = std::min(moments.least, length);
    moments.most = std::max(moments.most, length);
  }
  moments.mean = sum / kDraws;
  moments.deviation = std::sqrt(squares / kDraws - moments.mean * moments.mean);
  return moments;
}

TEST(FixedLengths, AreTheMean) {
  const Moments moments = moments_of("fixed", 1000);
  EXPECT_EQ(moments.least, 1000);
  EXPECT_EQ(moments.most, 1000);
}

// Within four standard errors of the mean, and 5 % of the deviation.
TEST(LognormalLengths, HaveTheirMeanAndTheirDeviation) {
  const Moments moments = moments_of("{kind: lognormal, cv: 0.7}", 2000);
  EXPECT_NEAR(moments.mean, 2000, 4 * 1400 / 200.0);
  EXPECT_NEAR(moments.deviation, 1400, 70);
  EXPECT_GE(moments.least, 1);
}

TEST(UniformLengths, StayWithinTheirSpread) {
  const Moments moments = moments_of("{kind: uniform, spread: 0.25}", 4000);
  EXPECT_GE(moments.least, 3000);
  EXPECT_LE(moments.most, 5000);
  EXPECT_LT(moments.least, 3010);
  EXPECT_GT(moments.most, 4990);
  EXPECT_NEAR(moments.deviation, 2000 / std::sqrt(12.0), 15);
}

TEST(Lengths, AreNeverBelowOneToken) {
  EXPECT_EQ(moments_of("{kind: uniform, spread: 1}", 1).least, 1);
  EXPECT_EQ(moments_of("{kind: lognormal, cv: 3}", 1).least, 1);
}

}  // namespace
}  // namespace moesim
