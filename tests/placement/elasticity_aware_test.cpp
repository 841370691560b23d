#include <gtest/gtest.h>

#include "tests/support/placements.hpp"

namespace moesim {
namespace {

// Six slots of the three live GPUs: 4 = 2 + 2 and 3 = 1.5 + 1.5. Three pairs of 2, 2, 2, 1.5, 1.5
// and 1: sums are halves, and their mean is 3.33, so 3.5 is the least possible.
TEST(ElasticityAwarePlacement, PlacesOverTheLiveGpusOnly) {
  PlacementRequest request{.load = load_of({{4, 3, 2, 1}}), .gpus = 4};
  const LayerPlacement map = placed("{kind: elasticity_aware, redundant: 4, dead: [1]}", request);
  EXPECT_EQ(by_gpu(map), (Gpus{{0, 1}, {0, 0}, {2, 1}, {0, 3}}));
  EXPECT_EQ(map.slots_of[ExpertId(0)], (std::vector<SlotId>{SlotId(0), SlotId(6)}));
  EXPECT_EQ(gpu_load(map, {4, 3, 2, 1}), (std::vector<double>{3.5, 0, 3.5, 3}));
  for (const char* other : {"lpt", "linear"})
    EXPECT_NE(by_gpu(placed(std::string("{kind: ") + other + ", redundant: 4}", request)),
              by_gpu(map));
  request.dead = {GpuId(1)};
  EXPECT_EQ(by_gpu(placed("{kind: elasticity_aware, redundant: 4}", request)), by_gpu(map));
}

TEST(ElasticityAwarePlacement, IsEplbWhileAllGpusLive) {
  const PlacementRequest request{
      .load = load_of({{90, 132, 40, 61, 104, 165, 39, 4, 73, 56, 183, 86}}),
      .gpus = 8,
      .nodes = 2,
      .groups = 4};
  EXPECT_EQ(by_gpu(placed("{kind: elasticity_aware, redundant: 4}", request)),
            by_gpu(placed("{kind: eplb, redundant: 4}", request)));
}

TEST(ElasticityAwarePlacement, RefusesWhatTheLiveGpusCannotHold) {
  const PlacementRequest request{.load = ExpertLoad(1, 4), .gpus = 4};
  EXPECT_EQ(refusal("{kind: elasticity_aware, dead: [3]}", request),
            "4 experts do not fit into the 3 slots of the 3 GPUs that are alive");
  EXPECT_EQ(refusal("{kind: elasticity_aware, dead: [4]}", request),
            "there is no GPU 4: the GPUs are 0 to 3");
}

// By falling load 9, 5, 5, 1: the second copy of 0 goes to the lighter GPU, which has the first.
TEST(ElasticityAwarePlacement, KeepsCopiesOnDistinctGpusWhenAsked) {
  const PlacementRequest request{.load = load_of({{10, 9, 1}}), .gpus = 3, .dead = {GpuId(1)}};
  EXPECT_EQ(by_gpu(placed("{kind: elasticity_aware, redundant: 3}", request)),
            (Gpus{{1, 2}, {0, 0}, {0, 0}}));
  EXPECT_EQ(by_gpu(placed("{kind: elasticity_aware, redundant: 3, distinct_gpus: true}", request)),
            (Gpus{{1, 0}, {0, 0}, {0, 2}}));
}

}  // namespace
}  // namespace moesim
