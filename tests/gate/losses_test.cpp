#include "sim/gate/losses.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "sim/gate/top_k.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatEq;

// Two tokens, four experts, k = 2; all probabilities 1/4.
BalanceSums even_sums() {
  return {.tokens = 2,
          .top_k = 2,
          .routes = {1, 1, 1, 1},
          .first = {2, 0, 0, 0},
          .probability = {0.5, 0.5, 0.5, 0.5}};
}

TEST(SwitchLoss, IsOneForAnEvenLoad) {
  EXPECT_DOUBLE_EQ(switch_loss(even_sums()), 1);
  EXPECT_DOUBLE_EQ(gshard_loss(even_sums()), 1);  // P is even, whatever f is
  EXPECT_DOUBLE_EQ(importance_loss(even_sums()), 0);
}

TEST(SwitchLoss, IsTheNumberOfExpertsWhereAllGoToOne) {
  const BalanceSums sums{
      .tokens = 3, .routes = {3, 0, 0}, .first = {3, 0, 0}, .probability = {3, 0, 0}};
  EXPECT_DOUBLE_EQ(switch_loss(sums), 3);
  // Mean 1, squares 4 + 1 + 1: 2 of the population, 3 of a sample.
  EXPECT_DOUBLE_EQ(importance_loss(sums), 2);
  EXPECT_DOUBLE_EQ(importance_loss(sums, true), 3);
}

TEST(LoadLoss, CountsTheChanceThatNoiseMakesAnExpertChosen) {
  // The k-th best is the expert itself: a chance of one half; the other is far below.
  const std::vector<float> values = {0, -100};
  EXPECT_DOUBLE_EQ(load_loss({.values = values, .experts = 2}, 1), 1);  // loads 1/2 and 0
  const std::vector<float> equal = {3, 3};
  EXPECT_DOUBLE_EQ(load_loss({.values = equal, .experts = 2}, 1), 0);
}

TEST(ZLoss, SquaresTheLogarithmOfTheSumOfExponentials) {
  const std::vector<float> values = {0, 0, std::log(3.0F), 0};
  EXPECT_NEAR(z_loss({.values = values, .experts = 2}),
              (std::log(2.0) * std::log(2.0) + std::log(4.0) * std::log(4.0)) / 2, 1e-6);
}

// Devices {0, 1} and {2, 3}: each has half of everything.
TEST(DeviceLoss, SumsTheExpertsOfADevice) {
  const std::vector<int> device = {0, 0, 1, 1};
  EXPECT_DOUBLE_EQ(device_loss(even_sums(), device, 2), 1);
  BalanceSums skewed = even_sums();
  skewed.routes = {2, 2, 0, 0};
  skewed.probability = {1, 1, 0, 0};
  EXPECT_DOUBLE_EQ(device_loss(skewed, device, 2), 2);
  // Both tokens come to both devices, which is all that a limit of two allows.
  EXPECT_DOUBLE_EQ(communication_loss(even_sums(), device, std::vector<double>{2, 2}, 2), 1);
  EXPECT_DOUBLE_EQ(communication_loss(skewed, device, std::vector<double>{2, 0}, 1), 2);
}

TEST(UpdatedBias, RisesBelowTheMeanLoadAndStaysAtIt) {
  EXPECT_THAT(updated_bias(std::vector<float>{0.5F, 0, 0}, std::vector<double>{1, 2, 3}, 0.25F),
              ElementsAre(FloatEq(0.75F), FloatEq(0), FloatEq(-0.25F)));
}

}  // namespace
}  // namespace moesim
