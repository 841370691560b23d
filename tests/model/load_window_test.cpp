#include "sim/model/load_window.hpp"

#include <gtest/gtest.h>

#include "tests/support/routings.hpp"

namespace moesim {
namespace {

constexpr WindowNeeds kEverything{
    .steps = 2, .sources = true, .coactivation = true, .transitions = true};

ExpertPairs pairs_of(const std::vector<std::vector<double>>& rows) {
  ExpertPairs pairs(rows.size(), rows.size());
  for (const ExpertId row : pairs.row_ids())
    for (const ExpertId column : pairs.column_ids())
      pairs(row, column) = rows[row.index()][column.index()];
  return pairs;
}

// Two GPUs, three experts, two layers. Tokens a, b on GPU 0 and c on GPU 1.
class CountedWindow : public ::testing::Test {
 protected:
  void add_step(double kept = 1) {
    counter.begin_step(kept);
    counter.add(LayerId(0), routing_of({{{0, 1}, {1, 2}}, {{0, 1}}}, 3));
    counter.add(LayerId(1), routing_of({{{2, 0}, {2, -1}}, {{1, 0}}}, 3));
  }
  WindowCounter counter{kEverything, 2, 3};
};

TEST_F(CountedWindow, CountsWhoAsksForWhat) {
  add_step();
  const LoadWindow& window = counter.window();
  EXPECT_EQ(window.load.raw(), (std::vector<double>{2, 3, 1, 2, 1, 2}));
  EXPECT_EQ(window.detail.sources[LayerId(0)].raw(), (std::vector<double>{1, 2, 1, 1, 1, 0}));
  EXPECT_EQ(window.detail.sources[LayerId(1)].raw(), (std::vector<double>{1, 0, 2, 1, 1, 0}));
}

TEST_F(CountedWindow, CountsPairsOfATokensExpertsInALayerAndFromOneToTheNext) {
  add_step();
  const LoadDetail& detail = counter.window().detail;
  EXPECT_EQ(detail.coactivation[LayerId(0)], pairs_of({{0, 2, 0}, {2, 0, 1}, {0, 1, 0}}));
  EXPECT_EQ(detail.coactivation[LayerId(1)], pairs_of({{0, 1, 1}, {1, 0, 0}, {1, 0, 0}}));
  // a: {0, 1} → {2, 0}; b: {1, 2} → {2}; c: {0, 1} → {1, 0}.
  ASSERT_EQ(detail.transitions.size(), 1u);
  EXPECT_EQ(detail.transitions[LayerId(0)], pairs_of({{2, 1, 1}, {2, 1, 2}, {0, 0, 1}}));
}

TEST_F(CountedWindow, KeepsTheLoadsOfTheLastStepsAndLetsTheRestFade) {
  for (int step = 0; step < 3; ++step) add_step(0.5);
  const LoadWindow& window = counter.window();
  ASSERT_EQ(window.detail.steps.size(), 2u);
  EXPECT_EQ(window.detail.steps.back().raw(), (std::vector<double>{2, 3, 1, 2, 1, 2}));
  EXPECT_EQ(window.load(LayerId(0), ExpertId(1)), 3 * 1.75);
  EXPECT_EQ(window.detail.sources[LayerId(1)](GpuId(0), ExpertId(2)), 2 * 1.75);
  EXPECT_EQ(window.detail.transitions[LayerId(0)](ExpertId(1), ExpertId(2)), 2 * 1.75);
}

// 20,000 like tokens: every third is looked at, 6667 of them.
TEST(WindowCounter, ScalesThePairsOfASampleToAllTokens) {
  WindowCounter counter({.coactivation = true}, 1, 4);
  counter.begin_step();
  counter.add(LayerId(0), routing_of({std::vector<std::vector<int>>(20000, {1, 3})}, 4));
  EXPECT_NEAR(counter.window().detail.coactivation[LayerId(0)](ExpertId(3), ExpertId(1)), 20000,
              1e-6);
}

TEST(OnlyLayers, LeavesTransitionsOutWhereALayerIsMissing) {
  WindowCounter counter(kEverything, 2, 3);
  counter.begin_step();
  for (const int layer : {0, 1}) counter.add(LayerId(layer), routing_of({{{layer, 2}}}, 3));
  const std::vector<LayerId> last{LayerId(1)}, both{LayerId(0), LayerId(1)};
  const LoadWindow some = only_layers(counter.window(), last);
  EXPECT_EQ(some.load.raw(), (std::vector<double>{0, 1, 1}));
  EXPECT_EQ(some.detail.steps.front().rows(), 1u);
  EXPECT_EQ(some.detail.coactivation[LayerId(0)](ExpertId(1), ExpertId(2)), 1);
  EXPECT_TRUE(some.detail.transitions.empty());
  EXPECT_EQ(only_layers(counter.window(), both).detail.transitions.size(), 1u);
}

}  // namespace
}  // namespace moesim
