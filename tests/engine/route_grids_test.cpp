#include "sim/engine/route_grids.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

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
  RouteCache routes(cluster);
  const RouteGrids grids(cluster, routes);
  for (const GpuId source : IdRange<GpuId>(cluster.gpus())) {
    std::vector<int> targets;
    for (const RouteGrids::Bundle& bundle : grids.from(source).bundles) {
      const RouteGrids::Grid& grid = grids.grids()[static_cast<std::size_t>(bundle.grid)];
      EXPECT_EQ(grid.senders.gpus[static_cast<std::size_t>(bundle.row)], source.value);
      for (const RouteGrids::Lane& lane : bundle.lanes) {
        targets.push_back(lane.target);
        const GpuId target(lane.target);
        const Route route = cluster.route(source, target, RouteRule::kDirect);
        ASSERT_EQ(route.count, 2);
        EXPECT_EQ(grids.sending_port(bundle), route.links[0].value);
        EXPECT_EQ(grids.receiving_ports(bundle)[lane.column], route.links[1].value);
        EXPECT_EQ(bundle.crosses_spine, route.crosses_spine);
        EXPECT_EQ(bundle.is_local, cluster.same_domain(source, target));
        EXPECT_EQ(routes.latencies()[static_cast<std::size_t>(bundle.latency)], route.latency);
        EXPECT_EQ(grid.receivers.gpus[lane.column], target.value);
      }
    }
    EXPECT_TRUE(grids.from(source).others.empty());
    std::ranges::sort(targets);
    std::vector<int> all(static_cast<std::size_t>(cluster.gpus()));
    std::iota(all.begin(), all.end(), 0);
    std::erase(all, source.value);
    EXPECT_EQ(targets, all);
  }
}

std::vector<int> off_grids(const RouteGrids& grids, GpuId source) {
  std::vector<int> targets;
  for (const GpuId target : grids.from(source).others) targets.push_back(target.value);
  return targets;
}

TEST(RouteGrids, LeaveOutPortsThatGpusShare) {
  ClusterSpec spec = test_spec(2);
  spec.nics_per_node = 4;
  const RouteGrids grids = grids_of(build_cluster(spec, "rail_optimized"));
  // The switch ports of two domains; two GPUs share each NIC.
  ASSERT_EQ(grids.grids().size(), 2u);
  EXPECT_EQ(grids.grids().front().senders.links.size(), 8u);
  EXPECT_EQ(off_grids(grids, GpuId(0)), (std::vector<int>{8, 9, 10, 11, 12, 13, 14, 15}));
}

TEST(RouteGrids, LeaveOutRoutesOverLinksThatCanFillBetweenThePorts) {
  const RouteGrids grids = grids_of(
      build_cluster(test_spec(6), "{kind: rail_optimized, nodes_per_pod: 2, oversubscription: 4}"));
  const std::vector<int> others = off_grids(grids, GpuId(0));
  EXPECT_THAT(others, testing::Contains(47));
  EXPECT_THAT(others, testing::Not(testing::Contains(8)));
}

}  // namespace
}  // namespace moesim
