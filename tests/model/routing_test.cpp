#include "sim/model/routing.hpp"

#include <gtest/gtest.h>

namespace moesim {
namespace {

TEST(FirstTokens, AreThePrefixSums) {
  EXPECT_EQ(first_tokens(std::vector<int>{3, 0, 2}), (std::vector<int>{0, 3, 3, 5}));
  EXPECT_EQ(first_tokens(std::vector<int>{}), std::vector<int>{0});
}

TEST(CountRoutes, CountsBySourceAndLeavesAbsentIdsOut) {
  Routing routing{.top_k = 2, .first_token = {0, 2, 3}, .ids = {0, 2, 2, -1, 1, 2}};
  routing.counts = count_routes(routing, 3);
  EXPECT_EQ(routing.counts.raw(), (std::vector<int>{1, 0, 2, 0, 1, 1}));
  EXPECT_EQ(routing.tokens(), 3);
  EXPECT_EQ(routing.tokens_of(GpuId(0)), 2);
  EXPECT_EQ(routing.ids_of(2)[0], 1);
}

TEST(ExpertLoad, SumsOverTheSources) {
  ExpertCounts counts(2, 3);
  counts(GpuId(0), ExpertId(0)) = 4;
  counts(GpuId(1), ExpertId(0)) = 1;
  counts(GpuId(1), ExpertId(2)) = 7;
  EXPECT_EQ(expert_load(counts).raw(), (std::vector<std::int64_t>{5, 0, 7}));
}

TEST(TokensBetween, KeepsIdsOfThoseTokensOfEverySource) {
  Routing routing{.top_k = 1, .first_token = {0, 3, 6}, .ids = {0, 1, 2, 3, 0, 1}};
  routing.counts = count_routes(routing, 4);
  const Routing part = tokens_between(routing, TokenRanges(routing.gpus(), {1, 2}));
  EXPECT_EQ(part.ids, (std::vector<std::int16_t>{1, 2, 0, 1}));
  EXPECT_EQ(part.first_token, (std::vector<int>{0, 2, 4}));
  EXPECT_EQ(part.counts.raw(), count_routes(part, 4).raw());
}

// Three parts of 10 tokens, of which 7 and 11 routes go to two of five experts.
TEST(TokensBetween, DividesCountsSoThatPartsAddUp) {
  Routing routing{.top_k = 2, .first_token = {0, 10}, .counts = ExpertCounts(1, 5)};
  routing.counts(GpuId(0), ExpertId(1)) = 7;
  routing.counts(GpuId(0), ExpertId(4)) = 13;
  std::vector<int> sum(5);
  for (const auto& [begin, end] : {std::pair{0, 3}, {3, 6}, {6, 10}}) {
    const Routing part = tokens_between(routing, TokenRanges(routing.gpus(), {begin, end - begin}));
    EXPECT_EQ(part.tokens(), end - begin);
    for (int expert = 0; expert < 5; ++expert) {
      const int count = part.counts(GpuId(0), ExpertId(expert));
      EXPECT_NEAR(count, routing.counts(GpuId(0), ExpertId(expert)) * (end - begin) / 10.0, 1);
      sum[static_cast<std::size_t>(expert)] += count;
    }
  }
  EXPECT_EQ(sum, (std::vector<int>{0, 7, 0, 0, 13}));
}

}  // namespace
}  // namespace moesim
