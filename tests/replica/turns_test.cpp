// Replica policies that take copies in turn, the nearest, or the less loaded of two.
#include <gtest/gtest.h>

#include "tests/support/replicas.hpp"

namespace moesim {
namespace {

// Expert 0 in slots 0 and 2, expert 1 in slot 1, expert 2 in slot 3; two GPUs.
LayerPlacement two_copies() { return placement_of({0, 1, 0, 2}, 2); }

TEST(AllToFirstReplica, LeavesTheOtherCopiesIdle) {
  const Cluster cluster = cluster_of(1, 2);
  const Routing routing = routing_of({{{0}, {2}}, {{0}, {1}}}, 3);
  EXPECT_EQ(slots_of(assign("all_to_first", routing, two_copies(), cluster)),
            (std::vector<int>{0, 3, 0, 1}));
  EXPECT_EQ(assign("all_to_first", counts_only(routing), two_copies(), cluster).routes.raw(),
            (std::vector<int>{1, 0, 0, 1, 1, 1, 0, 0}));
}

// On GPU 0 the routes to expert 0 take copies 0, 1, 0; on GPU 1, offset by its rank, 1, 0.
TEST(OccurrenceRoundRobinReplica, CountsTheRoutesToEachExpert) {
  const Cluster cluster = cluster_of(1, 2);
  const Routing routing = routing_of({{{0}, {1}, {0}, {2}, {0}}, {{0}, {0}}}, 3);
  EXPECT_EQ(slots_of(assign("occurrence_rr", routing, two_copies(), cluster)),
            (std::vector<int>{0, 1, 2, 3, 0, 2, 0}));
  EXPECT_EQ(slots_of(assign("{kind: occurrence_rr, offset_by_rank: false}", routing, two_copies(),
                            cluster)),
            (std::vector<int>{0, 1, 2, 3, 0, 0, 2}));
}

// The second route to expert 0 ends the first block of 1024. The next block counts from 0 again,
// but from copy 1 on.
TEST(OccurrenceRoundRobinReplica, StartsEveryBlockOfRoutesOneCopyOn) {
  const Cluster cluster = cluster_of(1, 2);
  std::vector<std::vector<int>> tokens(1022, {1});
  for (int i = 0; i < 4; ++i) tokens.push_back({0});  // places 1022, 1023 | 1024, 1025
  const auto slots =
      slots_of(assign("occurrence_rr", routing_of({tokens, {}}, 3), two_copies(), cluster));
  EXPECT_EQ(std::vector<int>(slots.end() - 4, slots.end()), (std::vector<int>{0, 2, 2, 0}));
}

// Four GPUs, two a node. Expert 0 on GPUs 0 and 1; expert 1 on GPU 2 and twice on GPU 3.
TEST(LocalityRandomReplica, TakesTheOwnGpuThenTheNodeThenAny) {
  const Cluster cluster = cluster_of(2, 2);
  const LayerPlacement placement = placement_of({0, 2, 0, 3, 1, 4, 1, 1}, 4);
  const std::vector<std::vector<int>> tokens(4000, {0, 1});
  const Routing routing = routing_of({tokens, {}, tokens, {}}, 5);
  for (const Routing& form : {routing, counts_only(routing)}) {
    const Assignment assignment = assign("locality_random", form, placement, cluster);
    const auto count = [&](int gpu, int slot) {
      return assignment.routes(GpuId(gpu), SlotId(slot));
    };
    EXPECT_EQ(count(0, 0), 4000);  // its own copy
    EXPECT_EQ(count(2, 4), 4000);
    // None near: all copies of the other node, within four deviations of 30 (thirds), 32 (halves).
    for (const int slot : {4, 6, 7}) EXPECT_NEAR(count(0, slot), 4000 / 3.0, 120);
    for (const int slot : {0, 2}) EXPECT_NEAR(count(2, slot), 2000, 130);
  }
  const Routing near = routing_of({{}, {{1}}, {}, {{0}, {2}}}, 5);
  const auto slots = slots_of(assign("locality_random", near, placement, cluster));
  EXPECT_EQ(slots[2], 1);
}

// With two copies both are drawn, so it is the less loaded of all. Three routes to expert 1 are on
// GPU 0 first; GPU 1 takes three of expert 0's four, then both have three and the source's own
// copy takes the last.
TEST(PowerOfTwoReplica, IsLeastLoadedWhereThereAreTwoCopies) {
  const Cluster cluster = cluster_of(1, 2);
  const LayerPlacement placement = placement_of({1, 0, 0, 2}, 2);
  const Routing routing = routing_of({{{0}, {1}, {0}, {1}, {0}, {1}, {0}}, {}}, 3);
  EXPECT_EQ(slots_of(assign("power_of_two", routing, placement, cluster)),
            (std::vector<int>{2, 0, 2, 0, 2, 0, 1}));
}

// Eight copies on eight GPUs and 800 routes: two choices stay close to 100 each, where one random
// choice has a standard deviation of 9.4.
TEST(PowerOfTwoReplica, IsNearlyEvenOverManyCopies) {
  const Cluster cluster = cluster_of(1, 8);
  const LayerPlacement placement = placement_of({0, 0, 0, 0, 0, 0, 0, 0}, 8);
  std::vector<std::vector<std::vector<int>>> ids(8);
  ids[3].assign(800, {0});
  const Assignment assignment = assign("power_of_two", routing_of(ids, 1), placement, cluster);
  for (const SlotId slot : placement.expert_of.ids())
    EXPECT_NEAR(assignment.routes(GpuId(3), slot), 100, 3);
}

// Experts 0 (both GPUs), 1 (GPU 0) and 2 (GPU 1). 12 routes, so a mean of 6: expert 1's three leave
// a spare 3 on GPU 0, expert 2's one leaves 5 on GPU 1. Seen from GPU 0 the weights are 3 · 1 and
// 5 · 0.5 = 2.5. Credits before each of 8 turns, and who pays 5.5:
//   (3, 2.5) 0  (0.5, 5) 1  (3.5, 2) 0  (1, 4.5) 1  (4, 1.5) 0  (1.5, 4) 1  (4.5, 1) 0  (2, 3.5) 1
TEST(WeightedRoundRobinReplica, TakesTurnsBySpareCapacityAndLocality) {
  const Cluster cluster = cluster_of(1, 2);
  const LayerPlacement placement = placement_of({1, 0, 0, 2}, 2);
  std::vector<std::vector<int>> tokens(8, {0});
  for (const int expert : {1, 1, 1, 2}) tokens.push_back({expert});
  const Routing routing = routing_of({tokens, {}}, 3);
  EXPECT_EQ(slots_of(assign("weighted_rr", routing, placement, cluster)),
            (std::vector<int>{1, 2, 1, 2, 1, 2, 1, 2, 0, 0, 0, 3}));
  // A neighbour that counts as little as 0.1: weights 3 and 0.5, so one turn in seven is its.
  const auto near =
      slots_of(assign("{kind: weighted_rr, same_node: 0.1}", routing, placement, cluster));
  EXPECT_EQ(std::count(near.begin(), near.end(), 2), 1);
  EXPECT_EQ(assign("weighted_rr", counts_only(routing), placement, cluster).routes.row(GpuId(0))[2],
            4);
}

}  // namespace
}  // namespace moesim
