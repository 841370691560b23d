#include "sim/base/random.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace moesim {
namespace {

// Known-answer vectors of Random123 (kat_vectors, philox4x32 10 rounds).
TEST(Philox, GivesThePublishedVectors) {
  using Block = std::array<std::uint32_t, 4>;
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Rng, GivesTheSameNumbersForTheSameNameOnly) {
  Rng first(7, Purpose::kRouting, 1, 2, 3);
  Rng again(7, Purpose::kRouting, 1, 2, 3);
  Rng other(7, Purpose::kRouting, 1, 2, 4);
  Rng purpose(7, Purpose::kReplica, 1, 2, 3);
  const std::uint32_t value = first.next();
  EXPECT_EQ(value, again.next());
  EXPECT_NE(value, other.next());
  EXPECT_NE(value, purpose.next());
}

TEST(Rng, BinomialHasItsMeanAndVarianceInBothRegimes) {
  Rng rng(1, Purpose::kRouting);
  for (const auto& [n, p] : {std::pair{20, 0.1}, std::pair{1000, 0.3}, std::pair{400, 0.9},
                             std::pair{30, 0.45}, std::pair{4096, 0.03}}) {
    const int draws = 20000;
    double sum = 0, squares = 0;
    for (int i = 0; i < draws; ++i) {
      const double x = rng.binomial(n, p);
      ASSERT_GE(x, 0);
      ASSERT_LE(x, n);
      sum += x;
      squares += x * x;
    }
    const double mean = sum / draws;
    const double variance = n * p * (1 - p);
    EXPECT_NEAR(mean, n * p, 5 * std::sqrt(variance / draws));
    EXPECT_NEAR(squares / draws - mean * mean, variance, 0.06 * variance);
  }
}

TEST(Rng, NormalHasTheMomentsAndTheTailsOfTheNormalDistribution) {
  Rng rng(5, Purpose::kRouting);
  const int draws = 400000;
  double sum = 0, squares = 0, fourths = 0;
  int beyond_one = 0, beyond_layers = 0, negative = 0;
  for (int i = 0; i < draws; ++i) {
    const double x = rng.normal();
    sum += x;
    squares += x * x;
    fourths += x * x * x * x;
    beyond_one += std::fabs(x) > 1;
    beyond_layers += std::fabs(x) > 3.442619855899;  // where the ziggurat hands over to its tail
    negative += x < 0;
  }
  const auto near_share = [&](int count, double share) {
    EXPECT_NEAR(count, draws * share, 5 * std::sqrt(draws * share * (1 - share)));
  };
  EXPECT_NEAR(sum / draws, 0, 5 / std::sqrt(draws));
  EXPECT_NEAR(squares / draws, 1, 5 * std::sqrt(2.0 / draws));
  EXPECT_NEAR(fourths / draws, 3, 5 * std::sqrt(96.0 / draws));
  near_share(beyond_one, std::erfc(1 / std::sqrt(2.0)));
  near_share(beyond_layers, std::erfc(3.442619855899 / std::sqrt(2.0)));
  near_share(negative, 0.5);
}

TEST(Rng, BelowReachesEveryValueEvenly) {
  Rng rng(3, Purpose::kReplica);
  std::array<int, 7> seen{};
  for (int i = 0; i < 70000; ++i) ++seen[static_cast<std::size_t>(rng.below(7))];
  for (int count : seen) EXPECT_NEAR(count, 10000, 500);
}

}  // namespace
}  // namespace moesim
