#include <gtest/gtest.h>

#include "tests/support/placements.hpp"

namespace moesim {
namespace {

// Five GPUs of one slot. Expert 0 has 8 in both steps, expert 1 has 12 in the first, expert 2 has
// 12 in the second. A copy of 0, the heaviest in sum, lowers no step's largest load: 12 + 12. A
// copy of 1 or 2 does: 8 + 12. (The slope that tells equals apart prefers 2.)
TEST(DeepSeekVecPlacement, LowersTheSumOfTheStepsLargestLoads) {
  const std::vector<ExpertLoad> steps{load_of({{8, 12, 0, 1}}), load_of({{8, 0, 12, 1}})};
  const PlacementRequest request{.load = sum_of(steps), .gpus = 5, .detail = {.steps = steps}};
  const LayerPlacement map = placed("{kind: deepseek_vec, redundant: 1}", request);
  EXPECT_EQ(by_gpu(map), (Gpus{{0}, {1}, {2}, {3}, {2}}));
  for (const char* other : {"lpt", "linear", "eplb"})
    EXPECT_EQ(by_gpu(placed(std::string("{kind: ") + other + ", redundant: 1}", request)),
              (Gpus{{0}, {1}, {2}, {3}, {0}}));
}

// By falling load 6, 5, 4, 3, 2, 1 over three GPUs: 0 1 2, then back 3 on the last, 4, 5.
TEST(DeepSeekVecPlacement, DealsTheSlotsInASnake) {
  const ExpertLoad load = load_of({{6, 5, 4, 3, 2, 1}});
  const LayerPlacement map =
      placed("deepseek_vec", {.load = load, .gpus = 3, .detail = {.steps = {load}}});
  EXPECT_EQ(by_gpu(map), (Gpus{{0, 5}, {1, 4}, {2, 3}}));
  EXPECT_EQ(gpu_load(map, {6, 5, 4, 3, 2, 1}), (std::vector<double>(3, 7)));
}

TEST(DeepSeekVecPlacement, SaysThatItNeedsSteps) {
  EXPECT_EQ(refusal("deepseek_vec", {.load = ExpertLoad(1, 4), .gpus = 2}),
            "the load of single steps is not known here");
}

// By falling load 6, 5, 5, 4 of the experts 1, 0, 0, 2: the snake turns between the copies.
TEST(DeepSeekVecPlacement, KeepsCopiesOnDistinctGpusWhenAsked) {
  const ExpertLoad load = load_of({{10, 6, 4}});
  const PlacementRequest request{.load = load, .gpus = 2, .detail = {.steps = {load}}};
  EXPECT_EQ(by_gpu(placed("{kind: deepseek_vec, redundant: 1}", request)), (Gpus{{1, 2}, {0, 0}}));
  EXPECT_EQ(by_gpu(placed("{kind: deepseek_vec, redundant: 1, distinct_gpus: true}", request)),
            (Gpus{{1, 0}, {0, 2}}));
}

}  // namespace
}  // namespace moesim
