#include "sim/model/grid.hpp"

#include <gtest/gtest.h>

#include "tests/support/clusters.hpp"

namespace moesim {
namespace {

Grid grid_of(const Parallel& parallel, int nodes) {
  return {parallel,
          std::make_shared<const Cluster>(build_cluster(test_spec(nodes), "rail_optimized"))};
}

std::vector<std::vector<int>> numbers(const GpuGroups& groups) {
  std::vector<std::vector<int>> all;
  for (const std::vector<GpuId>& group : groups) {
    all.emplace_back();
    for (const GpuId gpu : group) all.back().push_back(gpu.value);
  }
  return all;
}

GpuGroups members(const Grid& grid, int stage) {
  GpuGroups groups;
  for (const ExpertGroup& group : grid.expert_groups(stage)) groups.push_back(group.members);
  return groups;
}

TEST(Grid, OfExpertParallelismAloneIsPlain) {
  const Grid grid = grid_of({.ep = 8}, 1);
  EXPECT_TRUE(grid.plain());
  EXPECT_EQ(grid.ranks_cluster().get(), grid.expert_groups()[0].cluster.get());
  EXPECT_EQ(grid.ranks_cluster()->gpus(), 8);
}

TEST(Grid, GivesAttentionAndExpertsGpusOfTheirOwn) {
  const Grid grid = grid_of({.ep = 10, .tp = 2, .attention_gpus = 6}, 2);
  EXPECT_FALSE(grid.plain());
  EXPECT_EQ(grid.ranks(), 16);
  EXPECT_EQ(grid.expert_replicas(), 1);
  EXPECT_EQ(numbers(grid.tensor_groups()), (std::vector<std::vector<int>>{{0, 1}, {2, 3}, {4, 5}}));
  EXPECT_EQ(members(grid, 0).front().size(), 16u);
  EXPECT_EQ(grid.rank_of(GpuId(7)), 7);
  EXPECT_EQ(grid.brought(3), (std::vector<int>{3, 3, 3, 3, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_TRUE(grid.parallel().attends(GpuId(5)));
  EXPECT_FALSE(grid.parallel().holds_experts(GpuId(5)));
  EXPECT_TRUE(grid.parallel().holds_experts(GpuId(6)));
}

TEST(GridMistake, OfGpusOfTheirOwnSaysWhatWouldDo) {
  EXPECT_EQ(grid_mistake({.ep = 10, .tp = 2, .attention_gpus = 6}, 16).key, "");
  EXPECT_EQ(grid_mistake({.ep = 1, .attention_gpus = 16}, 16).key, "attention_gpus");
  EXPECT_EQ(grid_mistake({.ep = 10, .tp = 4, .attention_gpus = 6}, 16).hint,
            "it can be 1, 2, 3, 6");
  EXPECT_EQ(grid_mistake({.ep = 8, .attention_gpus = 6}, 16).hint, "ep: 10, or leave it out");
  EXPECT_EQ(grid_mistake({.ep = 10, .etp = 2, .attention_gpus = 6}, 16).key, "etp");
}

TEST(Grid, PutsShardsNextToEachOtherThenRanksThenReplicas) {
  const Grid grid = grid_of({.ep = 2, .etp = 2}, 1);
  EXPECT_FALSE(grid.plain());
  EXPECT_EQ(grid.expert_replicas(), 2);
  EXPECT_EQ(numbers(members(grid, 0)),
            (std::vector<std::vector<int>>{{0, 2}, {1, 3}, {4, 6}, {5, 7}}));
  EXPECT_EQ(numbers(grid.shard_groups()),
            (std::vector<std::vector<int>>{{0, 1}, {2, 3}, {4, 5}, {6, 7}}));
  EXPECT_EQ(grid.rank_of(GpuId(1)), 0);
  EXPECT_EQ(grid.rank_of(GpuId(2)), 1);
  EXPECT_EQ(grid.rank_of(GpuId(4)), 0);
}

TEST(Grid, GivesEveryStageItsOwnGpusAndLayers) {
  const Grid grid = grid_of({.ep = 4, .tp = 2, .pp = 2}, 1);
  EXPECT_EQ(numbers(members(grid, 1)), (std::vector<std::vector<int>>{{4, 5, 6, 7}}));
  EXPECT_EQ(numbers(grid.tensor_groups(1)), (std::vector<std::vector<int>>{{4, 5}, {6, 7}}));
  EXPECT_EQ(grid.stage_of(GpuId(3)), 0);
  EXPECT_EQ(grid.stage_of(GpuId(4)), 1);
  EXPECT_EQ(grid.stage_of_layer(2, 6), 0);
  EXPECT_EQ(grid.stage_of_layer(3, 6), 1);
  EXPECT_EQ(grid.rank_of(GpuId(5)), 1);
}

TEST(Grid, ShowsPlacementsTheNodesOfTheirRanksOnly) {
  const Grid grid = grid_of({.ep = 4, .etp = 4}, 2);  // a group of one GPU for each half node
  const Cluster& ranks = *grid.ranks_cluster();
  EXPECT_EQ(ranks.gpus(), 4);
  EXPECT_EQ(ranks.nodes(), 2);
  EXPECT_TRUE(ranks.same_domain(GpuId(0), GpuId(1)));
  EXPECT_FALSE(ranks.same_node(GpuId(1), GpuId(2)));
  EXPECT_EQ(ranks.rail_of(GpuId(3)), 1);
  EXPECT_EQ(ranks.rail_peer(NodeId(1), GpuId(0)).value, 2);
}

TEST(GridMistake, NamesTheKeyThatDoesNotDivideWhatIsLeft) {
  EXPECT_EQ(grid_mistake({.ep = 8, .tp = 2}, 8).key, "");
  EXPECT_EQ(grid_mistake({.ep = 1, .pp = 3}, 8).key, "pp");
  EXPECT_EQ(grid_mistake({.ep = 1, .tp = 8, .pp = 2}, 8).key, "tp");
  EXPECT_EQ(grid_mistake({.ep = 1, .etp = 3}, 8).key, "etp");
  const GridMistake mistake = grid_mistake({.ep = 3, .etp = 2}, 8);
  EXPECT_EQ(mistake.key, "ep");
  EXPECT_EQ(mistake.hint, "ep can be 1, 2, 4");
}

// The routes between two members are those of the whole cluster.
TEST(ClusterPart, KeepsTheRoutesOfTheWhole) {
  const Cluster whole = build_cluster(test_spec(2), "rail_optimized");
  const Cluster part = whole.part({GpuId(1), GpuId(3), GpuId(9)});
  for (const RouteRule rule : {RouteRule::kDirect, RouteRule::kPxn}) {
    const auto names = [&](const Cluster& cluster, int source, int target) {
      return link_names(cluster, cluster.route(GpuId(source), GpuId(target), rule));
    };
    EXPECT_EQ(names(part, 0, 1), names(whole, 1, 3));
    EXPECT_EQ(names(part, 0, 2), names(whole, 1, 9));
  }
}

}  // namespace
}  // namespace moesim
