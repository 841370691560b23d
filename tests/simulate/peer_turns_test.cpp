#include "sim/peer_turns.hpp"

#include <gtest/gtest.h>

#include "tests/support/routings.hpp"

namespace moesim {
namespace {

// Four ranks with two experts each; two groups of two ranks.
LayerPlacement linear() {
  IdVector<SlotId, ExpertId> experts(8);
  for (const SlotId slot : experts.ids()) experts[slot] = ExpertId(slot.value);
  return make_layer_placement({0, 2, 4, 6, 8}, std::move(experts), 8);
}

TEST(RoutesOfTurn, AreThoseThatGoSoManyGroupsFar) {
  const Routing routing = routing_of({{{0, 7}}, {{4, 2}}, {{5, 6}}, {{1, 3}}}, 8);
  const Routing near = routes_of_turn(routing, linear(), 2, 0);
  const Routing far = routes_of_turn(routing, linear(), 2, 1);
  EXPECT_EQ(near.ids, (std::vector<std::int16_t>{0, -1, -1, 2, 5, 6, -1, -1}));
  EXPECT_EQ(far.ids, (std::vector<std::int16_t>{-1, 7, 4, -1, -1, -1, 1, 3}));
  EXPECT_EQ(near.counts, count_routes(near, 8));
  EXPECT_EQ(far.counts, count_routes(far, 8));
}

TEST(RoutesOfTurn, OfCountsAddUpToAllRoutes) {
  const Routing routing = counts_only(routing_of({{{0, 7}}, {{4, 2}}, {{5, 6}}, {{1, 3}}}, 8));
  ExpertCounts sum(4, 8);
  for (int turn = 0; turn < 4; ++turn) {
    const Routing part = routes_of_turn(routing, linear(), 1, turn);
    for (std::size_t at = 0; at < sum.raw().size(); ++at) sum.raw()[at] += part.counts.raw()[at];
  }
  EXPECT_EQ(sum, routing.counts);
}

}  // namespace
}  // namespace moesim
