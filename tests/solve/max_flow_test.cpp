#include "sim/solve/max_flow.hpp"

#include <gmock/gmock.h>

namespace moesim {
namespace {

using ::testing::ElementsAre;

// The network of Cormen et al., "Introduction to Algorithms", figure 26.1: 23 through the cut
// 1 → 3 (12), 4 → 3 (7), 4 → sink (4).
TEST(MaxFlow, FindsTheFlowAndTheCutOfTheTextbook) {
  const CapacityNetwork network{.nodes = 6,
                                .source = 0,
                                .sink = 5,
                                .arcs = {{0, 1, 16},
                                         {0, 2, 13},
                                         {1, 3, 12},
                                         {2, 1, 4},
                                         {2, 4, 14},
                                         {3, 2, 9},
                                         {3, 5, 20},
                                         {4, 3, 7},
                                         {4, 5, 4}}};
  const MaxFlow flow = max_flow(network);
  EXPECT_EQ(flow.value, 23);
  EXPECT_THAT(flow.reached, ElementsAre(true, true, true, false, true, false));
  EXPECT_EQ(flow.flow[2] + flow.flow[7] + flow.flow[8], 23);
  for (int node = 1; node < 5; ++node) {
    std::int64_t in = 0, out = 0;
    for (std::size_t i = 0; i < network.arcs.size(); ++i) {
      EXPECT_GE(flow.flow[i], 0);
      EXPECT_LE(flow.flow[i], network.arcs[i].capacity);
      if (network.arcs[i].to == node) in += flow.flow[i];
      if (network.arcs[i].from == node) out += flow.flow[i];
    }
    EXPECT_EQ(in, out) << node;
  }
}

TEST(MaxFlow, IsNothingWhereTheSinkCannotBeReached) {
  const MaxFlow flow = max_flow({.nodes = 3, .source = 0, .sink = 2, .arcs = {{0, 1, 5}}});
  EXPECT_EQ(flow.value, 0);
  EXPECT_THAT(flow.reached, ElementsAre(true, true, false));
}

// Beyond 32 bits.
TEST(MaxFlow, CountsInSixtyFourBits) {
  const std::int64_t much = std::int64_t{1} << 40;
  EXPECT_EQ(max_flow({.nodes = 3, .source = 0, .sink = 2, .arcs = {{0, 1, much}, {1, 2, 3 * much}}})
                .value,
            much);
}

}  // namespace
}  // namespace moesim
