#include <gtest/gtest.h>

#include "tests/support/placements.hpp"

namespace moesim {
namespace {

// Linear has 24 and 10; swapping 8 with 1 leaves 17 on both, the mean. lpt ends with 18: 9, 5, 4
// against 8, 7, 1.
TEST(LocalSearchPlacement, SwapsTheTwoSlotsThatHelpMost) {
  const std::vector<double> load{9, 8, 7, 5, 4, 1};
  const PlacementRequest request{.load = load_of({load}), .gpus = 2};
  const LayerPlacement map = placed("local_search", request);
  EXPECT_EQ(by_gpu(map), (Gpus{{0, 5, 2}, {3, 4, 1}}));
  EXPECT_EQ(gpu_load(map, load), (std::vector<double>{17, 17}));
  EXPECT_EQ(gpu_load(placed("lpt", request), load), (std::vector<double>{18, 16}));
}

TEST(LocalSearchPlacement, ImprovesTheMapThatIsGiven) {
  const std::vector<double> load{9, 8, 7, 5, 4, 1};
  PlacementRequest request{.load = load_of({load}), .gpus = 2};
  EXPECT_EQ(gpu_load(placed("{kind: local_search, start: lpt}", request), load),
            (std::vector<double>{17, 17}));
  const Placement present = plugin<PlacementPolicy>("round_robin")->place(request);
  request.present = &present;
  // 9 + 7 + 4 = 20 against 8 + 5 + 1 = 14: swapping 4 with 1 leaves 17 on both.
  EXPECT_EQ(by_gpu(placed("local_search", request)), (Gpus{{0, 2, 5}, {1, 3, 4}}));
}

// Nothing lowers the 10, but 6 + 3 against 1 + 2 can be 2 + 3 against 1 + 6.
TEST(LocalSearchPlacement, LowersTheSquaresWhereTheLargestLoadStays) {
  const std::vector<double> load{10, 0, 6, 3, 1, 2};
  const LayerPlacement map = placed("local_search", {.load = load_of({load}), .gpus = 3});
  EXPECT_EQ(gpu_load(map, load), (std::vector<double>{10, 5, 7}));
}

// Linear has 5 + 8 against 1 + 5. 10 and 9 would be better, but with both copies on one GPU.
TEST(LocalSearchPlacement, LeavesCopiesApartWhenAsked) {
  const PlacementRequest request{.load = load_of({{10, 8, 1}}), .gpus = 2};
  EXPECT_EQ(by_gpu(placed("{kind: local_search, redundant: 1}", request)), (Gpus{{2, 1}, {0, 0}}));
  EXPECT_EQ(by_gpu(placed("{kind: local_search, redundant: 1, distinct_gpus: true}", request)),
            (Gpus{{0, 1}, {2, 0}}));
}

}  // namespace
}  // namespace moesim
