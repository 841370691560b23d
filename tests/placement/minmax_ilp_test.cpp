// The smallest largest load, and its bounds.
#include <gtest/gtest.h>

#include "sim/base/random.hpp"
#include "sim/placement/relaxation.hpp"
#include "tests/support/affinities.hpp"

namespace moesim {
namespace {

// Seven experts on three GPUs with 3, 2 and 2 slots: a sum of 27, so 9 is a
// bound, and 3 + 3 + 3, 5 + 4, 5 + 4 reaches it. LPT puts both fours together
// and ends at 5 + 3 + 3 = 11; in order, the first three have 12.
const std::vector<double> kSeven{5, 3, 4, 5, 3, 4, 3};

TEST(MinmaxIlpPlacement, ReachesTheMeanWhereLptDoesNot) {
  const PlacementRequest request{.load = load_of({kSeven}), .gpus = 3};
  const auto largest = [&](const std::string& kind) {
    return largest_load(placed(kind, request), kSeven);
  };
  EXPECT_DOUBLE_EQ(largest("minmax_ilp"), 9);
  EXPECT_DOUBLE_EQ(largest("lpt"), 11);
  EXPECT_DOUBLE_EQ(largest("linear"), 12);
}

// A program for all takes 7 · 3 variables. With 14 it takes two GPUs at a time:
// LPT's 5 + 3 + 3 and 4 + 4 become 4 + 3 + 3 and 5 + 4; then the first and 5 +
// 3 become 3 + 3 + 3 and 5 + 4.
TEST(MinmaxIlpPlacement, ImprovesALargeLayerAFewGpusAtATime) {
  const Placement placed =
      placed_layers("{kind: minmax_ilp, variables: 14}", {.load = load_of({kSeven}), .gpus = 3});
  EXPECT_DOUBLE_EQ(largest_load(placed.layers[LayerId(0)], kSeven), 9);
}

// Copies of 6 of the hot expert go to both GPUs, with 5 and 3: 11 is the best
// of the two ways.
TEST(MinmaxIlpPlacement, KeepsTheCopiesOfAnExpertApart) {
  const Placement placed =
      placed_layers("{kind: minmax_ilp, redundant: 1}", {.load = load_of({{12, 5, 3}}), .gpus = 2});
  const LayerPlacement& layer = placed.layers[LayerId(0)];
  for (const auto& experts : sorted_by_gpu(layer)) EXPECT_EQ(experts.front(), 0);
  EXPECT_DOUBLE_EQ(largest_load(layer, std::vector<double>{12, 5, 3}), 11);
}

TEST(MinmaxIlpPlacement, IsNeverAboveLptAndNeverBelowItsBounds) {
  ExpertLoad load(3, 32);
  Rng rng(6, Purpose::kPopularity);
  for (double& value : load.raw()) value = std::floor(100 * std::exp(rng.normal()));
  const PlacementRequest request{.load = load, .gpus = 8};
  const Placement best = placed_layers("{kind: minmax_ilp, redundant: 8, nodes: 20}", request);
  const Placement lpt = placed_layers("{kind: lpt, redundant: 8, distinct_gpus: true}", request);
  for (const LayerId layer : best.layers.ids()) {
    const auto row = load.row(layer);
    const double bound = relaxed_bound(best.layers[layer], row);
    EXPECT_LE(largest_load(best.layers[layer], row), largest_load(lpt.layers[layer], row));
    EXPECT_GE(largest_load(best.layers[layer], row), bound * (1 - 1e-9));
    double sum = 0;
    for (const double value : row) sum += value;
    EXPECT_GE(bound, sum / 8 * (1 - 1e-9));
  }
}

LayerPlacement layer_of(const std::vector<double>& load, int gpus) {
  return placed("linear", {.load = load_of({load}), .gpus = gpus});
}

// Two GPUs with two slots: whoever holds the 10 holds one of the twos as well.
// The mean is 8.
TEST(RelaxedBound, GivesTheHeaviestCopyTheLightestCompany) {
  const std::vector<double> load{10, 2, 2, 2};
  EXPECT_NEAR(relaxed_bound(layer_of(load, 2), load), 12, 1e-9);
}

// Three experts of 1 in 2 + 1 slots: one GPU has two, above the mean of 1.5.
TEST(RelaxedBound, SeesThatGpusHaveDifferentNumbersOfSlots) {
  const std::vector<double> load{1, 1, 1};
  EXPECT_NEAR(relaxed_bound(layer_of(load, 2), load), 2, 1e-9);
}

// Where nothing else binds, cut experts reach the mean: 27 / 3.
TEST(RelaxedBound, IsTheMeanForLoadsThatAreNearlyEven) {
  EXPECT_NEAR(relaxed_bound(layer_of(kSeven, 3), kSeven), 9, 1e-9);
}

}  // namespace
}  // namespace moesim
