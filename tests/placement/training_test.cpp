// Placements of training systems: they start from the map in use.
#include <gtest/gtest.h>

#include "tests/support/affinities.hpp"

namespace moesim {
namespace {

// In order, three GPUs have 5 + 3 + 4, 5 + 3 and 4 + 3. Swapping 5 and 3 of the first and the last
// leaves 10 and 9 (no other swap less than 11); then 4 and 3 of the first and the second leaves 9
// everywhere. LPT ends at 11.
TEST(SmartMoePlacement, ReachesTheMeanInTwoSwaps) {
  const std::vector<double> load{5, 3, 4, 5, 3, 4, 3};
  const PlacementRequest request{.load = load_of({load}), .gpus = 3};
  const auto largest = [&](const std::string& kind) {
    return largest_load(placed(kind, request), load);
  };
  EXPECT_DOUBLE_EQ(largest("{kind: smartmoe, swaps: 1}"), 10);
  EXPECT_DOUBLE_EQ(largest("{kind: smartmoe, swaps: 2}"), 9);
  EXPECT_DOUBLE_EQ(largest("lpt"), 11);
  EXPECT_DOUBLE_EQ(largest("linear"), 12);
}

TEST(SmartMoePlacement, LeavesAMapInUseThatIsEvenAsItIs) {
  const Placement present = placed_layers("random", {.load = ExpertLoad(1, 8), .gpus = 4});
  const Placement next = placed_layers(
      "smartmoe", {.load = load_of({std::vector<double>(8, 3)}), .gpus = 4, .present = &present});
  EXPECT_EQ(next.layers[LayerId(0)].expert_of, present.layers[LayerId(0)].expert_of);
}

// The start is 0 1 2 | 3 0 1: 1 + 1 + 12 against 4 + 1 + 1. Expert 2 takes the slot of expert 0 or
// 1 on the second GPU: 2 + 1 + 6 against 4 + 6 + 1. After that expert 2 is on both GPUs, and no
// swap is below 11. LPT gives expert 2 a third copy, on a GPU that has one.
TEST(FlexMoePlacement, GivesAColdExpertsSlotToTheHotOne) {
  const std::vector<double> load{2, 2, 12, 4};
  const PlacementRequest request{.load = load_of({load}), .gpus = 2};
  const auto made = [&](const std::string& kind) { return placed(kind, request); };
  const LayerPlacement flexible = made("{kind: flexmoe, redundant: 2, threshold: 1}");
  EXPECT_EQ(sorted_by_gpu(flexible), (Gpus{{0, 1, 2}, {1, 2, 3}}));
  EXPECT_DOUBLE_EQ(largest_load(flexible, load), 11);
  for (const char* kind : {"{kind: lpt, redundant: 2}", "{kind: linear, redundant: 2}"})
    EXPECT_NE(sorted_by_gpu(made(kind)), sorted_by_gpu(flexible)) << kind;
  // 14 of a mean of 10 is good enough at a threshold of 1.4.
  EXPECT_EQ(made("{kind: flexmoe, redundant: 2, threshold: 1.4}").expert_of,
            made("{kind: linear, redundant: 2}").expert_of);
}

// 6 + 5 against 3 + 2 without copies: swapping 6 and 3, or 5 and 2, leaves 8 and 8, the mean.
TEST(FlexMoePlacement, MigratesWhereThereIsNothingToShrink) {
  const std::vector<double> load{6, 5, 3, 2};
  EXPECT_DOUBLE_EQ(
      largest_load(placed("{kind: flexmoe, threshold: 1}", {.load = load_of({load}), .gpus = 2}),
                   load),
      8);
}

}  // namespace
}  // namespace moesim
