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

}  // namespace
}  // namespace moesim
