// Placements by co-activation.
#include <gtest/gtest.h>

#include "tests/support/affinities.hpp"

namespace moesim {
namespace {

double tokens_together(const LayerPlacement& layer, const ExpertPairs& pairs) {
  double sum = 0;
  for (const ExpertId a : pairs.row_ids())
    for (const ExpertId b : pairs.column_ids())
      if (a < b && layer.gpu_of(layer.slots_of[a][0]) == layer.gpu_of(layer.slots_of[b][0]))
        sum += pairs(a, b);
  return sum;
}

PlacementRequest request_for(std::vector<double> load, ExpertPairs pairs, int gpus, int nodes) {
  return {.load = load_of({std::move(load)}),
          .gpus = gpus,
          .nodes = nodes,
          .detail = {.coactivation = IdVector<LayerId, ExpertPairs>(1, std::move(pairs))}};
}

// Of the three ways to make two pairs of four, {0, 2} and {1, 3} keep 10 + 8
// tokens together; in order it is 1 + 1, and LPT's {0, 3} and {1, 2} have 2
// + 2.
TEST(CoactivationPlacement, KeepsExpertsOfTheSameTokensTogether) {
  const ExpertPairs pairs =
      expert_pairs(4, {{0, 2, 10}, {1, 3, 8}, {0, 1, 1}, {2, 3, 1}, {0, 3, 2}, {1, 2, 2}}, true);
  const PlacementRequest request = request_for({4, 3, 2, 1}, pairs, 2, 1);
  const auto together = [&](const std::string& kind) {
    return tokens_together(placed(kind, request), pairs);
  };
  EXPECT_DOUBLE_EQ(together("coactivation"), 18);
  EXPECT_DOUBLE_EQ(together("linear"), 2);
  EXPECT_DOUBLE_EQ(together("lpt"), 4);
}

// Pairs (e, e + 4) want a GPU of their own; the pairs of 0 and 1 want a node,
// and those of 2 and 3.
TEST(CoactivationPlacement, FillsNodesBeforeGpus) {
  const ExpertPairs pairs = expert_pairs(
      8, {{0, 4, 10}, {1, 5, 10}, {2, 6, 10}, {3, 7, 10}, {0, 1, 3}, {2, 7, 3}, {0, 2, 1}}, true);
  const Gpus gpus =
      sorted_by_gpu(placed("coactivation", request_for(std::vector<double>(8, 1), pairs, 4, 2)));
  for (const auto& experts : gpus) EXPECT_EQ(experts[1], experts[0] + 4);
  const bool first_node = gpus[0][0] < 2;
  for (const std::size_t gpu : {0, 1}) EXPECT_EQ(gpus[gpu][0] < 2, first_node);
  for (const std::size_t gpu : {2, 3}) EXPECT_EQ(gpus[gpu][0] < 2, !first_node);
}

// {0, 1} and {2, 3} have loads of 9 and 3, and a mean of 6. Swapping 0 and 2 parts 10 + 8 tokens
// for a load of 4, 4.5 each; 0 and 3, or 1 and 2, part 17 for 3, and 1 and 3 part 18 for 2. After
// it the loads are 5 and 7, below 1.2 · 6.
TEST(CoactivationPlacement, GivesUpPairsForBalanceWhenAsked) {
  const ExpertPairs pairs = expert_pairs(4, {{0, 1, 10}, {2, 3, 8}, {0, 2, 1}}, true);
  const PlacementRequest request = request_for({5, 4, 1, 2}, pairs, 2, 1);
  Gpus free = sorted_by_gpu(placed("coactivation", request));
  Gpus limited = sorted_by_gpu(placed("{kind: coactivation, most_load: 1.2}", request));
  std::sort(free.begin(), free.end());
  std::sort(limited.begin(), limited.end());
  EXPECT_EQ(free, (Gpus{{0, 1}, {2, 3}}));
  EXPECT_EQ(limited, (Gpus{{0, 3}, {1, 2}}));
}

// Two copies for the hottest expert, by load per copy: 9 → 4.5, then 5. Each
// goes to the GPU that has no copy of it.
TEST(CoactivationPlacement, PutsCopiesWhereTheirExpertIsNot) {
  const ExpertPairs pairs = expert_pairs(4, {{0, 2, 10}, {1, 3, 8}}, true);
  const Gpus gpus = sorted_by_gpu(
      placed("{kind: coactivation, redundant: 2}", request_for({9, 5, 1, 1}, pairs, 2, 1)));
  for (const auto& experts : gpus)
    EXPECT_TRUE(experts == (std::vector<int>{0, 1, 2}) || experts == (std::vector<int>{0, 1, 3}));
}

// Groups {0, 3} with 7 + 5 and {1, 2} with 2 + 3. The first copy relieves the hot group: 0 goes to
// the other GPU, and both have 8.5. The last slot is on the first GPU, for the hottest that is not
// there: 2, which makes it 10 against 7. By load per copy, it would have been 3's.
TEST(GracePlacement, CopiesTheHotGroupsExperts) {
  const ExpertPairs pairs = expert_pairs(4, {{0, 3, 10}, {1, 2, 8}, {0, 1, 1}}, true);
  const std::vector<double> load{7, 2, 3, 5};
  const PlacementRequest request = request_for(load, pairs, 2, 1);
  const LayerPlacement grace = placed("{kind: grace, redundant: 2}", request);
  Gpus gpus = sorted_by_gpu(grace);
  std::sort(gpus.begin(), gpus.end());
  EXPECT_EQ(gpus, (Gpus{{0, 1, 2}, {0, 2, 3}}));
  EXPECT_DOUBLE_EQ(largest_load(grace, load), 10);
  for (const char* kind : {"{kind: lpt, redundant: 2}", "{kind: linear, redundant: 2}",
                           "{kind: coactivation, redundant: 2}"}) {
    Gpus other = sorted_by_gpu(placed(kind, request));
    std::sort(other.begin(), other.end());
    EXPECT_NE(other, gpus) << kind;
  }
}

TEST(AffinityPlacements, SayThatALoadIsNotEnough) {
  for (const char* kind : {"coactivation", "grace"})
    EXPECT_THROW(placed_layers(kind, {.load = load_of({{1, 1}}), .gpus = 2}), InputError) << kind;
  for (const char* kind : {"exflow", "moetuner"})
    EXPECT_THROW(placed_layers(kind, {.load = ExpertLoad(2, 2, 1.0), .gpus = 2}), InputError)
        << kind;
}

}  // namespace
}  // namespace moesim
