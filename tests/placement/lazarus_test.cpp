#include <gtest/gtest.h>

#include <bit>

#include "tests/support/placements.hpp"

namespace moesim {
namespace {

// Whether every expert has a copy on a GPU that is not among the `dead`, a set of bits.
bool survives(const LayerPlacement& map, unsigned dead) {
  for (const auto& copies : map.slots_of) {
    bool lives = false;
    for (const SlotId slot : copies) lives |= ((dead >> map.gpu_of(slot).value) & 1U) == 0;
    if (!lives) return false;
  }
  return true;
}

// Share of the sets of `failures` dead GPUs that leave every expert a copy.
double survival(const LayerPlacement& map, int failures) {
  int sets = 0, survived = 0;
  for (unsigned dead = 0; dead < (1U << map.gpus()); ++dead) {
    if (std::popcount(dead) != failures) continue;
    ++sets;
    survived += survives(map, dead);
  }
  return static_cast<double>(survived) / sets;
}

// Ten slots for loads of 2, 2, 3 and 3: as many copies. The first two experts share GPUs 0 and 1,
// the others 2, 3 and 4: of the ten pairs of GPUs only {0, 1} takes an expert with it.
TEST(LazarusPlacement, MakesExpertsShareTheGpusThatTheyDependOn) {
  const PlacementRequest request{.load = load_of({{2, 2, 3, 3}}), .gpus = 5};
  const LayerPlacement map = placed("{kind: lazarus, redundant: 6}", request);
  EXPECT_EQ(sorted(by_gpu(map)), (Gpus{{0, 1}, {0, 1}, {2, 3}, {2, 3}, {2, 3}}));
  EXPECT_DOUBLE_EQ(survival(map, 2), 0.9);
  EXPECT_LT(survival(placed("{kind: lpt, redundant: 6, distinct_gpus: true}", request), 2), 0.9);
}

// Every expert has two copies on four GPUs of two slots: two pairs of GPUs that must not both fail
// are the fewest there can be, so that 4 of 6 pairs of failures are survived.
TEST(LazarusPlacement, SurvivesMoreThanSpreadOrRandomCopies) {
  PlacementRequest request{.load = load_of({{1, 1, 1, 1}}), .gpus = 4};
  EXPECT_DOUBLE_EQ(survival(placed("{kind: lazarus, redundant: 4}", request), 2), 4.0 / 6);
  IdVector<SlotId, ExpertId> ring(8);
  int slot = 0;
  for (const int expert : {0, 1, 1, 2, 2, 3, 3, 0}) ring[SlotId(slot++)] = ExpertId(expert);
  EXPECT_DOUBLE_EQ(survival(make_layer_placement(even_first_slots(8, 4), ring, 4), 2), 2.0 / 6);
  double random = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    request.random = Random(seed);
    random += survival(placed("{kind: random, redundant: 4}", request), 2) / 20;
  }
  EXPECT_LT(random, 0.6);
}

// 10/16, 8/15 and 6/14 are below 1, but two copies are the least: what is left goes to expert 3.
TEST(LazarusPlacement, GivesColdExpertsTheLeastNumberOfCopies) {
  const PlacementRequest request{.load = load_of({{1, 1, 1, 13}}), .gpus = 5};
  const LayerPlacement map = placed("{kind: lazarus, redundant: 6, copies: 2}", request);
  for (const int expert : {0, 1, 2}) EXPECT_EQ(map.slots_of[ExpertId(expert)].size(), 2U);
  EXPECT_EQ(map.slots_of[ExpertId(3)].size(), 4U);
}

TEST(LazarusPlacement, KeepsCopiesOnDifferentNodesWhereNodesFail) {
  const PlacementRequest request{.load = load_of({{4, 3, 2, 1}}), .gpus = 4, .nodes = 2};
  const LayerPlacement map = placed("{kind: lazarus, redundant: 4, fails: node}", request);
  for (const auto& copies : map.slots_of) {
    ASSERT_EQ(copies.size(), 2U);
    EXPECT_NE(map.gpu_of(copies[0]).value / 2, map.gpu_of(copies[1]).value / 2);
  }
}

TEST(LazarusPlacement, SaysHowManySlotsItsCopiesTake) {
  const PlacementRequest request{.load = ExpertLoad(1, 4), .gpus = 4};
  EXPECT_EQ(refusal("{kind: lazarus, redundant: 4, copies: 3}", request),
            "3 copies of each of 4 experts do not fit into 8 slots");
  EXPECT_EQ(refusal("{kind: lazarus, redundant: 1}", request),
            "5 slots cannot be dealt evenly to 4 GPUs");
}

}  // namespace
}  // namespace moesim
