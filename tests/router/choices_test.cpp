// The rank that each router chooses, by hand.
#include <gtest/gtest.h>

#include "sim/router/router.hpp"
#include "tests/support/plugin.hpp"

namespace moesim {
namespace {

int chosen(const std::string& router, const std::vector<RankLoad>& ranks, int tokens = 100,
           int previous = -1) {
  const Request request{.input = tokens};
  const auto policy = plugin<Router>(router);
  return ranks[policy->choose({.request = request, .tokens = tokens, .previous = previous}, ranks)]
      .rank;
}

TEST(RoundRobinRouter, GoesToTheNextRankThatIsThere) {
  const std::vector<RankLoad> ranks = {{.rank = 0}, {.rank = 1}, {.rank = 3}};
  EXPECT_EQ(chosen("round_robin", ranks), 0);
  EXPECT_EQ(chosen("round_robin", ranks, 100, 1), 3);
  EXPECT_EQ(chosen("round_robin", ranks, 100, 3), 0);
}

TEST(LeastRequestsRouter, CountsWaitingAndRunningRequests) {
  EXPECT_EQ(chosen("least_requests", {{.rank = 0, .waiting = 1, .running = 3},
                                      {.rank = 1, .waiting = 3},
                                      {.rank = 2, .running = 3}}),
            1);
}

TEST(QueueWeightedRouter, CountsWaitingRequestsFourTimes) {
  EXPECT_EQ(chosen("queue_weighted", {{.rank = 0, .waiting = 2}, {.rank = 1, .running = 7}}), 1);
  EXPECT_EQ(chosen("{kind: queue_weighted, weight: 3}",
                   {{.rank = 0, .waiting = 2}, {.rank = 1, .running = 7}}),
            0);
}

TEST(LeastTokensRouter, CountsTokensInTheQueueAndInTheCache) {
  EXPECT_EQ(chosen("least_tokens", {{.rank = 0, .waiting_tokens = 50, .kv_tokens = 60},
                                    {.rank = 1, .waiting_tokens = 0, .kv_tokens = 100}}),
            1);
}

TEST(KvAwareRouter, ReturnsToThePrefixUnlessThatRankIsMuchFuller) {
  const auto ranks = [](std::int64_t held) {
    return std::vector<RankLoad>{{.rank = 0, .kv_tokens = 40},
                                 {.rank = 1, .kv_tokens = held, .cached = 80}};
  };
  EXPECT_EQ(chosen("kv_aware", ranks(110)), 1);
  EXPECT_EQ(chosen("kv_aware", ranks(130)), 0);
  EXPECT_EQ(chosen("{kind: kv_aware, overlap: 2}", ranks(130)), 1);
}

// 100 tokens add 100 new ones and 100² pairs. Rank 1 has the fewest tokens, but most of the core
// attention.
TEST(BalancedPrefillRouter, LooksAtTokensAndAtCoreAttention) {
  EXPECT_EQ(
      chosen("balanced_prefill", {{.rank = 0, .waiting_tokens = 300, .waiting_pairs = 30000},
                                  {.rank = 1, .waiting_tokens = 250, .waiting_pairs = 62500}}),
      0);
  EXPECT_EQ(
      chosen("balanced_prefill", {{.rank = 0, .waiting_tokens = 300, .waiting_pairs = 30000},
                                  {.rank = 1, .waiting_tokens = 250, .waiting_pairs = 30000}}),
      1);
}

// Shares with the request: 220/300 of the tokens and 4/6 of the requests, or 280/300 and 4/6;
// then 7/10 of the requests against 220/300 of the tokens.
TEST(BalancedDecodeRouter, LooksAtTheCacheAndAtTheRequests) {
  EXPECT_EQ(chosen("balanced_decode", {{.rank = 0, .running = 3, .kv_tokens = 120},
                                       {.rank = 1, .running = 3, .kv_tokens = 180}}),
            0);
  EXPECT_EQ(chosen("balanced_decode",
                   {{.rank = 0, .running = 8, .kv_tokens = 120},
                    {.rank = 1, .running = 2, .kv_tokens = 180}},
                   10),
            1);
}

}  // namespace
}  // namespace moesim
