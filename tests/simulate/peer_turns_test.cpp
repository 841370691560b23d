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

// Each expert has the slot of its number.
Assignment assigned(const Routing& routing) {
  Assignment all{.routes = IdMatrix<GpuId, SlotId, int>(4, 8), .slots = routing.ids};
  all.routes.raw() = routing.counts.raw();
  return all;
}

TEST(AssignmentOfTurn, IsWhatGoesSoManyGroupsFar) {
  const Routing routing = routing_of({{{0, 7}}, {{4, 2}}, {{5, 6}}, {{1, 3}}}, 8);
  Assignment all = assigned(routing);
  all.padding = IdMatrix<GpuId, SlotId, double>(4, 8);
  all.padding(GpuId(1), SlotId(3)) = 0.5;
  const Assignment near = assignment_of_turn(all, routing, linear(), 2, 0);
  const Assignment far = assignment_of_turn(all, routing, linear(), 2, 1);
  EXPECT_EQ(near.slots, (std::vector<std::int16_t>{0, -1, -1, 2, 5, 6, -1, -1}));
  EXPECT_EQ(far.slots, (std::vector<std::int16_t>{-1, 7, 4, -1, -1, -1, 1, 3}));
  EXPECT_EQ(near.routes(GpuId(0), SlotId(0)), 1);
  EXPECT_EQ(near.routes(GpuId(0), SlotId(7)), 0);
  EXPECT_EQ(far.routes(GpuId(0), SlotId(7)), 1);
  EXPECT_EQ(near.padding(GpuId(1), SlotId(3)), 0.5);
  EXPECT_EQ(far.padding(GpuId(1), SlotId(3)), 0);
}

TEST(AssignmentOfTurn, OfCountsAddsUpToAllRoutes) {
  const Routing routing = counts_only(routing_of({{{0, 7}}, {{4, 2}}, {{5, 6}}, {{1, 3}}}, 8));
  IdMatrix<GpuId, SlotId, int> sum(4, 8);
  for (int turn = 0; turn < 4; ++turn) {
    const Assignment part = assignment_of_turn(assigned(routing), routing, linear(), 1, turn);
    for (std::size_t at = 0; at < sum.raw().size(); ++at) sum.raw()[at] += part.routes.raw()[at];
  }
  EXPECT_EQ(sum, assigned(routing).routes);
}

}  // namespace
}  // namespace moesim
