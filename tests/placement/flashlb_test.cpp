#include <gtest/gtest.h>

#include "tests/support/placements.hpp"

namespace moesim {
namespace {

double sum_of_largest(const LayerPlacement& map, const std::vector<ExpertLoad>& steps) {
  double sum = 0;
  for (const ExpertLoad& step : steps) {
    const auto load = predicted_gpu_load(map, step.row(LayerId(0)));
    sum += *std::max_element(load.begin(), load.end());
  }
  return sum;
}

// Experts 0 and 2 are hot in the first step, 1 and 3 in the second. Over both all are equal, and
// lpt puts 0 with 2. Apart, each step has its mean of 4 on both GPUs.
TEST(FlashLbPlacement, KeepsApartWhatIsHotAtTheSameTime) {
  const std::vector<ExpertLoad> steps{load_of({{4, 0, 4, 0}}), load_of({{0, 4, 0, 4}})};
  const PlacementRequest request{.load = sum_of(steps), .gpus = 2, .detail = {.steps = steps}};
  const LayerPlacement map = placed("flashlb", request);
  EXPECT_EQ(sorted(by_gpu(map)), (Gpus{{0, 3}, {1, 2}}));
  EXPECT_EQ(sum_of_largest(map, steps), 8);
  EXPECT_EQ(sum_of_largest(placed("lpt", request), steps), 16);
  EXPECT_NE(by_gpu(placed("linear", request)), by_gpu(map));
}

// A copy of 1 lowers the first step from 12 to 8, one of 0 lowers neither.
TEST(FlashLbPlacement, CopiesWhatLowersTheStagesMaxima) {
  const std::vector<ExpertLoad> steps{load_of({{8, 12, 0, 1}}), load_of({{8, 0, 12, 1}})};
  const LayerPlacement map = placed("{kind: flashlb, redundant: 1}",
                                    {.load = sum_of(steps), .gpus = 5, .detail = {.steps = steps}});
  EXPECT_EQ(map.slots_of[ExpertId(1)].size(), 2u);
}

TEST(FlashLbPlacement, NeverPutsTwoCopiesOnOneGpu) {
  const ExpertLoad load = load_of({{10, 9, 1}});
  EXPECT_EQ(sorted(by_gpu(placed("{kind: flashlb, redundant: 1}",
                                 {.load = load, .gpus = 2, .detail = {.steps = {load}}}))),
            (Gpus{{0, 1}, {0, 2}}));
}

// Layers with 1.6, 1.2 and 1.0 of the largest load that a new map has.
TEST(FlashLbPlacement, ChangesOnlyTheLayersThatGainMost) {
  const ExpertLoad load = load_of({{8, 8, 2, 2}, {6, 6, 4, 4}, {5, 5, 5, 5}});
  PlacementRequest request{.load = load, .gpus = 2, .detail = {.steps = {load}}};
  const Placement present = plugin<PlacementPolicy>("linear")->place(request);
  request.present = &present;
  const auto changed = [&](const std::string& section) {
    const Placement next = plugin<PlacementPolicy>(section)->place(request);
    std::vector<bool> differs;
    for (const LayerId layer : next.layers.ids())
      differs.push_back(by_gpu(next.layers[layer]) != by_gpu(present.layers[layer]));
    return differs;
  };
  EXPECT_EQ(changed("flashlb"), (std::vector<bool>{true, true, false}));
  EXPECT_EQ(changed("{kind: flashlb, layers: 1}"), (std::vector<bool>{true, false, false}));
  EXPECT_EQ(changed("{kind: flashlb, ratio: 1.5}"), (std::vector<bool>{true, false, false}));
}

}  // namespace
}  // namespace moesim
