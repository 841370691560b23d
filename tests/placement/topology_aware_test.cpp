#include <gtest/gtest.h>

#include "tests/support/placements.hpp"

namespace moesim {
namespace {

// `routes[gpu][expert]`.
PlacementRequest request_of(const std::vector<std::vector<double>>& routes, int nodes) {
  const int gpus = static_cast<int>(routes.size());
  SourceLoad sources(routes.size(), routes.front().size());
  ExpertLoad load(1, static_cast<int>(routes.front().size()));
  for (const GpuId gpu : sources.row_ids())
    for (const ExpertId expert : sources.column_ids()) {
      sources(gpu, expert) = routes[gpu.index()][expert.index()];
      load(LayerId(0), expert) += sources(gpu, expert);
    }
  PlacementRequest request{
      .load = load, .gpus = gpus, .nodes = nodes, .distance = hop_distance(gpus, nodes)};
  request.detail.sources.raw() = {sources};
  return request;
}

double way(const LayerPlacement& map, const PlacementRequest& request) {
  double sum = 0;
  for (const SlotId slot : map.expert_of.ids())
    for (const GpuId source : request.detail.sources[LayerId(0)].row_ids())
      sum += request.detail.sources[LayerId(0)](source, map.expert_of[slot]) *
             request.distance(source, map.gpu_of(slot));
  return sum;
}

// Each expert is asked for by one GPU, the last expert by the first: nothing needs to travel.
TEST(TopologyAwarePlacement, PutsExpertsWhereTheirTokensAre) {
  const PlacementRequest request =
      request_of({{0, 0, 0, 1}, {0, 0, 2, 0}, {0, 3, 0, 0}, {4, 0, 0, 0}}, 2);
  const LayerPlacement map = placed("topology_aware", request);
  EXPECT_EQ(by_gpu(map), (Gpus{{3}, {2}, {1}, {0}}));
  EXPECT_EQ(way(map, request), 0);
  for (const char* other : {"lpt", "linear"}) EXPECT_GT(way(placed(other, request), request), 0);
}

// Experts 0 and 1 both come from GPU 0, which has room for one: 0 is heavier, and 1 goes to the
// neighbour in the node (2 · 1), not to the other node (2 · 2).
TEST(TopologyAwarePlacement, TakesTheNextNearestWhereAGpuIsFull) {
  const PlacementRequest request =
      request_of({{3, 2, 0, 0}, {0, 0, 0, 0}, {0, 0, 1, 1}, {0, 0, 0, 0}}, 2);
  const LayerPlacement map = placed("topology_aware", request);
  EXPECT_EQ(by_gpu(map), (Gpus{{0}, {1}, {2}, {3}}));
  EXPECT_EQ(way(map, request), 2 + 1);
}

// The copy of expert 0 goes to the other GPU, although all of its tokens are on the first.
TEST(TopologyAwarePlacement, PutsCopiesOnGpusOfTheirOwn) {
  const PlacementRequest request = request_of({{8, 1}, {0, 0}}, 1);
  EXPECT_EQ(by_gpu(placed("{kind: topology_aware, redundant: 1}", request)), (Gpus{{0, 1}, {0}}));
}

TEST(TopologyAwarePlacement, SaysThatItNeedsTheSources) {
  EXPECT_EQ(refusal("topology_aware", {.load = ExpertLoad(1, 4), .gpus = 2}),
            "which GPU asks for which expert is not known here");
}

}  // namespace
}  // namespace moesim
