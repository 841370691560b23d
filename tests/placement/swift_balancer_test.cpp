#include <gtest/gtest.h>

#include "tests/support/placements.hpp"

namespace moesim {
namespace {

int slots_that_differ(const LayerPlacement& a, const LayerPlacement& b) {
  int count = 0;
  for (const SlotId slot : a.expert_of.ids()) count += a.expert_of[slot] != b.expert_of[slot];
  return count;
}

// 14, 8 and 2 in use. One swap, 8 with 2, leaves 8 everywhere: the mean. lpt gets there, too, but
// moves five slots.
TEST(SwiftBalancerPlacement, ReachesTheMeanWithOneSwap) {
  const std::vector<double> load{8, 6, 4, 4, 2, 0};
  PlacementRequest request{.load = load_of({load}), .gpus = 3};
  const Placement present = plugin<PlacementPolicy>("linear")->place(request);
  request.present = &present;
  const LayerPlacement map = placed("swift_balancer", request);
  EXPECT_EQ(by_gpu(map), (Gpus{{4, 1}, {2, 3}, {0, 5}}));
  EXPECT_EQ(gpu_load(map, load), (std::vector<double>{8, 8, 8}));
  EXPECT_EQ(slots_that_differ(map, present.layers[LayerId(0)]), 2);
  EXPECT_EQ(slots_that_differ(placed("lpt", request), present.layers[LayerId(0)]), 5);
}

// 100.5 and 99.5 are within 1 % of their mean; 103 and 97 are not, and a swap that gains 0.5 is not
// worth it.
TEST(SwiftBalancerPlacement, LetsSmallDifferencesBe) {
  PlacementRequest request{.load = load_of({{60, 40.5, 59, 40.5}}), .gpus = 2};
  EXPECT_EQ(by_gpu(placed("swift_balancer", request)), (Gpus{{0, 1}, {2, 3}}));
  request.load = load_of({{63, 40, 62.5, 34.5}});
  EXPECT_EQ(by_gpu(placed("swift_balancer", request)), (Gpus{{0, 1}, {2, 3}}));
}

// 16 and 0: a second swap of a 4 would leave 8 on both, but the two GPUs have had theirs.
TEST(SwiftBalancerPlacement, SwapsOnceBetweenTwoGpus) {
  const std::vector<double> load{4, 4, 4, 4, 0, 0, 0, 0};
  const LayerPlacement map = placed("swift_balancer", {.load = load_of({load}), .gpus = 2});
  EXPECT_EQ(gpu_load(map, load), (std::vector<double>{12, 4}));
  EXPECT_EQ(by_gpu(map), (Gpus{{4, 1, 2, 3}, {0, 5, 6, 7}}));
}

}  // namespace
}  // namespace moesim
