#include "sim/exchange/group_exchange.hpp"

#include <gtest/gtest.h>

#include "tests/support/clusters.hpp"

namespace moesim {
namespace {

// Four sources with one token each; token t asks for experts t and t + 1 of five.
Routing four_tokens() {
  Routing routing{.top_k = 2, .first_token = {0, 1, 2, 3, 4}, .ids = {0, 1, 1, 2, 2, 3, 3, 4}};
  routing.counts = count_routes(routing, 5);
  return routing;
}

TEST(RoutingOf, KeepsTheTokensOfTheMembersInTheirOrder) {
  const Routing own = routing_of(four_tokens(), {GpuId(11), GpuId(13)}, GpuId(10));
  EXPECT_EQ(own.ids, (std::vector<std::int16_t>{1, 2, 3, 4}));
  EXPECT_EQ(own.first_token, (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(own.counts.raw(), count_routes(own, 5).raw());
}

TEST(AppendByRank, JoinsTheGroupsRankByRank) {
  const Routing all = four_tokens();
  Routing joined;
  append_by_rank(routing_of(all, {GpuId(0), GpuId(1)}, GpuId(0)), joined);
  append_by_rank(routing_of(all, {GpuId(2), GpuId(3)}, GpuId(0)), joined);
  EXPECT_EQ(joined.ids, (std::vector<std::int16_t>{0, 1, 2, 3, 1, 2, 3, 4}));
  EXPECT_EQ(joined.first_token, (std::vector<int>{0, 2, 4}));
  EXPECT_EQ(joined.counts.raw(), count_routes(joined, 5).raw());
}

TEST(AddGroup, PutsEveryGroupsBytesBetweenItsOwnGpus) {
  const Grid grid({.ep = 2, .etp = 2}, std::make_shared<const Cluster>(
                                           build_cluster(test_spec(1), "rail_optimized")
                                               .part({GpuId(0), GpuId(1), GpuId(2), GpuId(3)})));
  std::optional<Exchange> all;
  for (const ExpertGroup& group : grid.expert_groups()) {
    Exchange own{.legs = {{.bytes = ByteMatrix(2, 2, 1.0)}},
                 .start_up = Seconds(group.members.front().value * 1e-6)};
    own.legs[0].bytes(GpuId(0), GpuId(1)) = 5;
    add_group(std::move(own), grid, group, all);
  }
  const ByteMatrix& bytes = all->legs[0].bytes;
  EXPECT_EQ(bytes(GpuId(0), GpuId(2)), 5);
  EXPECT_EQ(bytes(GpuId(1), GpuId(3)), 5);
  EXPECT_EQ(bytes(GpuId(3), GpuId(1)), 1);
  EXPECT_EQ(bytes(GpuId(0), GpuId(1)), 0);
  EXPECT_EQ(all->groups.size(), 2u);
  EXPECT_DOUBLE_EQ(all->start_up.value, 1e-6);  // of the slowest
}

}  // namespace
}  // namespace moesim
