// When a new map of experts is asked for.
#include <gmock/gmock.h>

#include "sim/rebalance/load_estimate.hpp"
#include "sim/rebalance/rebalance.hpp"
#include "tests/support/plugin.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;

// The steps after which a map is wanted, if step i has imbalance x[i] and balancedness 1 / x[i].
std::vector<int> wanted(const std::string& section, const std::vector<double>& imbalance) {
  const auto policy = plugin<Rebalance>(section);
  std::vector<int> steps;
  for (int step = 0; step < static_cast<int>(imbalance.size()); ++step) {
    const double x = imbalance[static_cast<std::size_t>(step)];
    if (policy->wants({.step = StepId(step), .max_over_mean = x, .balancedness = 1 / x}))
      steps.push_back(step);
  }
  return steps;
}

const std::vector<double> kUneven(10, 2.0);

TEST(NoRebalance, NeverWantsAMap) {
  EXPECT_THAT(wanted("none", kUneven), ElementsAre());
  EXPECT_TRUE(plugin<Rebalance>("none")->idle());
}

TEST(IntervalRebalance, WantsAMapAfterEverySoManySteps) {
  EXPECT_THAT(wanted("{kind: interval, every: 4}", kUneven), ElementsAre(3, 7));
}

TEST(IntervalRebalance, StartsPartOfTheWayThroughTheFirstIntervalAsVllmDoes) {
  EXPECT_THAT(wanted("{kind: interval, every: 4, start: 0.75}", kUneven), ElementsAre(0, 4, 8));
}

// Means of balancedness over the intervals: 0.75, then 1.
TEST(IntervalRebalance, SkipsAnIntervalThatWasBalancedEnough) {
  EXPECT_THAT(wanted("{kind: interval, every: 2, skip_above: 0.9}", {1, 2, 1, 1, 2, 2}),
              ElementsAre(1, 5));
}

TEST(ContinuousRebalance, TakesTheLayersInTurn) {
  const auto policy = plugin<Rebalance>("{kind: continuous, layer_updates: 2}");
  EXPECT_TRUE(policy->wants({}));
  EXPECT_THAT(policy->choose_layers(3), ElementsAre(LayerId(0), LayerId(1)));
  EXPECT_THAT(policy->choose_layers(3), ElementsAre(LayerId(2), LayerId(0)));
  EXPECT_EQ(policy->choose_layers(1).size(), 1u);
}

// With smoothing 0.5 the average of 1, 2, 2, 2, … is 1, 1.5, 1.75, 1.875, ….
TEST(ThresholdRebalance, WantsAMapWhenTheAverageStaysAbove) {
  EXPECT_THAT(wanted("{kind: threshold, above: 1.6, smoothing: 0.5, steps: 2, cool_down: 0}",
                     {1, 2, 2, 2, 1, 1}),
              ElementsAre(3));
}

TEST(ThresholdRebalance, CoolsDownAfterAMap) {
  EXPECT_THAT(
      wanted("{kind: threshold, above: 1.5, smoothing: 0, steps: 1, cool_down: 3}", kUneven),
      ElementsAre(0, 4, 8));
}

TEST(CostBenefitRebalance, AcceptsWhatSavesMoreThanItCosts) {
  const auto policy = plugin<Rebalance>("{kind: cost_benefit, every: 3, horizon: 100, margin: 2}");
  EXPECT_TRUE(policy->accepts({.saving_per_step = Seconds(21e-3), .cost = Seconds(1)}));
  EXPECT_FALSE(policy->accepts({.saving_per_step = Seconds(19e-3), .cost = Seconds(1)}));
  EXPECT_THAT(wanted("{kind: cost_benefit, every: 3}", kUneven), ElementsAre(2, 5, 8));
}

TEST(OracleRebalance, WantsAMapForEveryStepForFree) {
  EXPECT_THAT(wanted("oracle", {1, 1, 1}), ElementsAre(0, 1, 2));
  EXPECT_TRUE(plugin<Rebalance>("oracle")->free());
}

ExpertLoad load_of(double tokens) { return ExpertLoad(1, 1, tokens); }

double estimate(RebalanceOptions options, const std::vector<double>& steps) {
  LoadEstimate load(options, [](int step) { return load_of(100.0 * step); });
  int step = 0;
  for (const double tokens : steps) load.add(step++, load_of(tokens));
  return load.load(step - 1)(LayerId(0), ExpertId(0));
}

TEST(LoadEstimate, OfAWindowIsItsMean) {
  const RebalanceOptions window{.estimator = Estimator::kWindow, .window = 2};
  EXPECT_DOUBLE_EQ(estimate(window, {8}), 8);
  EXPECT_DOUBLE_EQ(estimate(window, {8, 1, 3}), 2);
}

// (0.5·8 + 2) / (0.5 + 1) = 4
TEST(LoadEstimate, OfAnEmaWeighsThePastLess) {
  EXPECT_DOUBLE_EQ(estimate({.estimator = Estimator::kEma, .decay = 0.5}, {8, 2}), 4);
}

TEST(LoadEstimate, OfTheLastStepForgetsTheOthers) {
  EXPECT_DOUBLE_EQ(estimate({.estimator = Estimator::kLast, .window = 9}, {8, 1, 3}), 3);
}

TEST(LoadEstimate, OfTheFutureIsTheMeanOfTheStepsThatCome) {
  EXPECT_DOUBLE_EQ(estimate({.estimator = Estimator::kFuture, .window = 2}, {8, 1}), 250);
}

}  // namespace
}  // namespace moesim
