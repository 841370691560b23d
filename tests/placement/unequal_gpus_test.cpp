// Placements on GPUs of unequal speed.
#include <gtest/gtest.h>

#include "tests/support/placements.hpp"

namespace moesim {
namespace {

// GPU 0 is twice as fast: 8 there and 4 on GPU 1 both take 4, and Σ load / Σ speed = 12 / 3.
TEST(HeteroLptPlacement, BalancesTimeAndReachesItsBound) {
  const std::vector<double> load{4, 2, 4, 2};
  PlacementRequest request{.load = load_of({load}), .gpus = 2};
  const LayerPlacement map = placed("{kind: hetero_lpt, speeds: [2, 1]}", request);
  EXPECT_EQ(by_gpu(map), (Gpus{{0, 2}, {1, 3}}));
  EXPECT_EQ(gpu_load(map, load), (std::vector<double>{8, 4}));
  for (const char* other : {"lpt", "linear"})
    EXPECT_NE(by_gpu(placed(other, request)), by_gpu(map));
  request.speed.raw() = {2, 1};
  EXPECT_EQ(by_gpu(placed("hetero_lpt", request)), by_gpu(map));
}

TEST(HeteroLptPlacement, IsLptOnEqualGpus) {
  PlacementRequest request{.load = load_of({{9, 8, 7, 5, 4, 1, 2, 2}}), .gpus = 2};
  request.speed.raw() = {3, 3};
  EXPECT_EQ(by_gpu(placed("hetero_lpt", request)), by_gpu(placed("lpt", request)));
}

TEST(HeteroLptPlacement, TakesOneSpeedForEachGpuOrNode) {
  const PlacementRequest request{.load = load_of({{4, 4, 2, 2}}), .gpus = 4, .nodes = 2};
  EXPECT_EQ(by_gpu(placed("{kind: hetero_lpt, speeds: [1, 2]}", request)),
            by_gpu(placed("{kind: hetero_lpt, speeds: [1, 1, 2, 2]}", request)));
  EXPECT_EQ(refusal("{kind: hetero_lpt, speeds: [1, 2, 3]}", request),
            "3 speeds are neither one for each of 4 GPUs nor for each of 2 nodes");
  EXPECT_EQ(refusal("{kind: hetero_lpt, speeds: [1, 0]}", request), "a speed must be above 0");
  EXPECT_EQ(refusal("hetero_lpt", request), "the speed of the GPUs is not known here");
}

// The fast GPU gets 8 + 7 of 18, the most that two slots can have.
TEST(ExpertGroupingPlacement, PutsTheHottestOnTheFastest) {
  const std::vector<double> load{1, 8, 2, 7};
  const PlacementRequest request{.load = load_of({load}), .gpus = 2};
  const LayerPlacement map = placed("{kind: expert_grouping, speeds: [1, 2]}", request);
  EXPECT_EQ(by_gpu(map), (Gpus{{2, 0}, {1, 3}}));
  EXPECT_EQ(gpu_load(map, load), (std::vector<double>{3, 15}));
  for (const char* other : {"lpt", "linear"})
    EXPECT_NE(by_gpu(placed(other, request)), by_gpu(map));
}

// Two fast GPUs share 8, 7, 6, 5 as lpt does; the slow one has what is left.
TEST(ExpertGroupingPlacement, BalancesInsideATier) {
  const PlacementRequest request{.load = load_of({{1, 2, 5, 6, 7, 8}}), .gpus = 3};
  EXPECT_EQ(by_gpu(placed("{kind: expert_grouping, speeds: [2, 1, 2]}", request)),
            (Gpus{{5, 2}, {1, 0}, {4, 3}}));
}

// By falling load 9, 5, 5, 1 in the only tier: the second copy of 0 would go to the first.
TEST(ExpertGroupingPlacement, KeepsCopiesOnDistinctGpusWhenAsked) {
  const PlacementRequest request{.load = load_of({{10, 9, 1}}), .gpus = 2};
  EXPECT_EQ(by_gpu(placed("{kind: expert_grouping, redundant: 1, speeds: [1, 1]}", request)),
            (Gpus{{1, 2}, {0, 0}}));
  EXPECT_EQ(by_gpu(placed("{kind: expert_grouping, redundant: 1, speeds: [1, 1], "
                          "distinct_gpus: true}",
                          request)),
            (Gpus{{1, 0}, {0, 2}}));
}

}  // namespace
}  // namespace moesim
