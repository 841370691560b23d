#include "sim/engine/route_grids.hpp"

#include <gtest/gtest.h>

#include "tests/support/clusters.hpp"

namespace moesim {
namespace {

RouteGrids grids_of(const Cluster& cluster) {
  RouteCache routes(cluster);
  return RouteGrids(cluster, routes);
}

TEST(RouteGrids, AreTheNicsOfAllAndTheSwitchPortsOfEachDomain) {
  const Cluster cluster = build_cluster(test_spec(3), "rail_optimized");
  const RouteGrids grids = grids_of(cluster);
  std::vector<std::size_t> senders;
  for (const RouteGrids::Grid& grid : grids.grids()) {
    senders.push_back(grid.senders.links.size());
    EXPECT_EQ(grid.receivers.links.size(), grid.senders.links.size());
  }
  std::ranges::sort(senders);
  EXPECT_EQ(senders, (std::vector<std::size_t>{8, 8, 8, 24}));
}

TEST(RouteGrids, HoldThePortsOfEveryRoute) {
  const Cluster cluster = build_cluster(test_spec(3), "rail_optimized");
  const RouteGrids grids = grids_of(cluster);
  for (const GpuId source : IdRange<GpuId>(cluster.gpus())) {
    for (const GpuId target : IdRange<GpuId>(cluster.gpus())) {
      const RouteGrids::Place& place = grids.places(source)[target.index()];
      if (source == target) {
        EXPECT_LT(place.grid, 0);
        continue;
      }
      const Route route = cluster.route(source, target, RouteRule::kDirect);
      ASSERT_EQ(route.count, 2);
      ASSERT_GE(place.grid, 0);
      EXPECT_EQ(grids.sending_port(place.grid, place.row), route.links[0].value);
      EXPECT_EQ(grids.receiving_port(place), route.links[1].value);
      EXPECT_EQ(place.crosses_spine, route.crosses_spine);
      const RouteGrids::Grid& grid = grids.grids()[static_cast<std::size_t>(place.grid)];
      EXPECT_EQ(grid.senders.gpus[static_cast<std::size_t>(place.row)], source.value);
      EXPECT_EQ(grid.receivers.gpus[static_cast<std::size_t>(place.column)], target.value);
    }
  }
}

TEST(RouteGrids, LeaveOutPortsThatGpusShare) {
  ClusterSpec spec = test_spec(2);
  spec.nics_per_node = 4;
  const RouteGrids grids = grids_of(build_cluster(spec, "rail_optimized"));
  // The switch ports of two domains; two GPUs share each NIC.
  ASSERT_EQ(grids.grids().size(), 2u);
  EXPECT_EQ(grids.grids().front().senders.links.size(), 8u);
  EXPECT_LT(grids.places(GpuId(0))[15].grid, 0);
}

TEST(RouteGrids, LeaveOutRoutesOverLinksThatCanFillBetweenThePorts) {
  const RouteGrids grids = grids_of(
      build_cluster(test_spec(6), "{kind: rail_optimized, nodes_per_pod: 2, oversubscription: 4}"));
  EXPECT_LT(grids.places(GpuId(0))[47].grid, 0);
  EXPECT_GE(grids.places(GpuId(0))[8].grid, 0);
}

}  // namespace
}  // namespace moesim
