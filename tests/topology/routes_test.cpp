// Routes worked out by hand, for each topology and rule.
#include <gmock/gmock.h>

#include "sim/model/cluster_graph.hpp"
#include "tests/support/clusters.hpp"
#include "tests/support/sections.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> names(const Cluster& cluster, int source, int target, RouteRule rule) {
  return link_names(cluster, cluster.route(GpuId(source), GpuId(target), rule));
}

TEST(RailOptimized, StaysOnNvLinkInsideANode) {
  const Cluster cluster = build_cluster(test_spec(2), "rail_optimized");
  for (const RouteRule rule : {RouteRule::kDirect, RouteRule::kPxn, RouteRule::kSourceRail}) {
    const Route route = cluster.route(GpuId(1), GpuId(6), rule);
    EXPECT_THAT(link_names(cluster, route),
                ElementsAre("node0.gpu1.nvlink_out", "node0.gpu6.nvlink_in"));
    EXPECT_DOUBLE_EQ(route.latency.value, 2e-6);
    EXPECT_FALSE(route.relay.valid());
  }
}

TEST(RailOptimized, IsOneHopOnTheSameRail) {
  const Cluster cluster = build_cluster(test_spec(2), "rail_optimized");
  for (const RouteRule rule : {RouteRule::kDirect, RouteRule::kPxn, RouteRule::kSourceRail}) {
    const Route route = cluster.route(GpuId(3), GpuId(11), rule);
    EXPECT_THAT(link_names(cluster, route), ElementsAre("node0.nic3_out", "node1.nic3_in"));
    EXPECT_DOUBLE_EQ(route.latency.value, 4e-6);
  }
}

TEST(RailOptimized, CrossesTheSpineBetweenRailsWhenDirect) {
  const Cluster cluster =
      build_cluster(test_spec(4), "{kind: rail_optimized, nodes_per_pod: 4, oversubscription: 2}");
  const Route route = cluster.route(GpuId(3), GpuId(8), RouteRule::kDirect);
  EXPECT_THAT(link_names(cluster, route),
              ElementsAre("node0.nic3_out", "pod0.leaf3_up", "pod0.leaf0_down", "node1.nic0_in"));
  EXPECT_DOUBLE_EQ(route.latency.value, 5e-6);
  // Four NICs of 50 GB/s on a leaf, two to one oversubscribed.
  EXPECT_DOUBLE_EQ(cluster.link(route.links[1]).bandwidth.value, 100e9);
}

TEST(RailOptimized, LeavesOutASpineThatTheNicsCannotFillButNotItsLatency) {
  const Cluster cluster = build_cluster(test_spec(4), "{kind: rail_optimized, nodes_per_pod: 4}");
  const Route route = cluster.route(GpuId(3), GpuId(8), RouteRule::kDirect);
  EXPECT_THAT(link_names(cluster, route), ElementsAre("node0.nic3_out", "node1.nic0_in"));
  EXPECT_DOUBLE_EQ(route.latency.value, 5e-6);
}

TEST(RailOptimized, RelaysPxnInTheSourceNode) {
  const Cluster cluster = build_cluster(test_spec(2), "rail_optimized");
  const Route route = cluster.route(GpuId(3), GpuId(13), RouteRule::kPxn);
  EXPECT_THAT(link_names(cluster, route),
              ElementsAre("node0.gpu3.nvlink_out", "node0.gpu5.nvlink_in", "node0.nic5_out",
                          "node1.nic5_in"));
  EXPECT_EQ(route.relay, GpuId(5));
  EXPECT_EQ(route.relay_after, 2);
  EXPECT_DOUBLE_EQ(route.latency.value, 6e-6);
}

TEST(RailOptimized, RelaysOnTheSourceRailInTheTargetNode) {
  const Cluster cluster = build_cluster(test_spec(2), "rail_optimized");
  const Route route = cluster.route(GpuId(3), GpuId(13), RouteRule::kSourceRail);
  EXPECT_THAT(link_names(cluster, route),
              ElementsAre("node0.nic3_out", "node1.nic3_in", "node1.gpu3.nvlink_out",
                          "node1.gpu5.nvlink_in"));
  EXPECT_EQ(route.relay, GpuId(11));
  EXPECT_EQ(route.relay_after, 2);
}

TEST(RailOptimized, HasALeafPerRailAndPod) {
  const Cluster cluster =
      build_cluster(test_spec(4), "{kind: rail_optimized, nodes_per_pod: 2, oversubscription: 4}");
  EXPECT_THAT(names(cluster, 2, 10, RouteRule::kDirect),
              ElementsAre("node0.nic2_out", "node1.nic2_in"));
  EXPECT_THAT(names(cluster, 2, 18, RouteRule::kDirect),
              ElementsAre("node0.nic2_out", "pod0.leaf2_up", "pod1.leaf2_down", "node2.nic2_in"));
}

TEST(FatTree, SharesTheUplinkOfALeafBetweenAllItsNics) {
  const Cluster cluster =
      build_cluster(test_spec(4), "{kind: fat_tree, nodes_per_leaf: 2, oversubscription: 4}");
  EXPECT_THAT(names(cluster, 0, 15, RouteRule::kDirect),
              ElementsAre("node0.nic0_out", "node1.nic7_in"));
  const Route route = cluster.route(GpuId(0), GpuId(23), RouteRule::kDirect);
  EXPECT_THAT(link_names(cluster, route),
              ElementsAre("node0.nic0_out", "leaf0_up", "leaf1_down", "node2.nic7_in"));
  // 2 nodes × 8 NICs × 50 GB/s / 4.
  EXPECT_DOUBLE_EQ(cluster.link(route.links[1]).bandwidth.value, 200e9);
  EXPECT_DOUBLE_EQ(route.latency.value, 5e-6);
}

TEST(FatTree, LetsTwoGpusShareANic) {
  ClusterSpec spec = test_spec(2);
  spec.nics_per_node = 4;
  const Cluster cluster = build_cluster(spec, "fat_tree");
  EXPECT_THAT(names(cluster, 4, 15, RouteRule::kDirect),
              ElementsAre("node0.nic2_out", "node1.nic3_in"));
  EXPECT_THAT(names(cluster, 5, 8, RouteRule::kDirect),
              ElementsAre("node0.nic2_out", "node1.nic0_in"));
}

TEST(FatTree, KeepsAPciePortThatIsSlowerThanItsNic) {
  ClusterSpec spec = test_spec(2);
  spec.gpu.pcie = BytesPerSecond(32e9);
  const Cluster cluster = build_cluster(spec, "fat_tree");
  EXPECT_THAT(
      names(cluster, 0, 9, RouteRule::kDirect),
      ElementsAre("node0.gpu0.pcie_out", "node0.nic0_out", "node1.nic1_in", "node1.gpu1.pcie_in"));
}

TEST(NvLinkDomain, SpansNodes) {
  ClusterSpec spec = test_spec(4);
  spec.gpus_per_node = 4;
  spec.nics_per_node = 4;
  const Cluster cluster = build_cluster(spec, "{kind: nvlink_domain, domain_gpus: 8}");
  EXPECT_TRUE(cluster.same_domain(GpuId(0), GpuId(7)));
  EXPECT_FALSE(cluster.same_node(GpuId(0), GpuId(7)));
  EXPECT_FALSE(cluster.same_domain(GpuId(7), GpuId(8)));
  EXPECT_THAT(names(cluster, 0, 7, RouteRule::kPxn),
              ElementsAre("node0.gpu0.nvlink_out", "node1.gpu3.nvlink_in"));
  const Route route = cluster.route(GpuId(0), GpuId(9), RouteRule::kDirect);
  EXPECT_THAT(link_names(cluster, route), ElementsAre("node0.nic0_out", "node2.nic1_in"));
  EXPECT_DOUBLE_EQ(route.latency.value, 5e-6);
}

TEST(NvLinkDomain, NeedsNoNicInOneDomain) {
  ClusterSpec spec = test_spec(1);
  spec.nics_per_node = 0;
  const Cluster cluster = build_cluster(spec, "nvlink_domain");
  EXPECT_THAT(names(cluster, 0, 7, RouteRule::kDirect),
              ElementsAre("node0.gpu0.nvlink_out", "node0.gpu7.nvlink_in"));
  EXPECT_EQ(cluster.gpus(), 8);
  EXPECT_EQ(cluster.links().size(), 16u);
}

TEST(Pcie, MeetsAtTheSwitchOrAtTheHost) {
  ClusterSpec spec = test_spec(1);
  spec.nvlink_bandwidth = BytesPerSecond(0);
  const Cluster cluster = build_cluster(spec, "pcie");
  EXPECT_THAT(names(cluster, 0, 1, RouteRule::kDirect),
              ElementsAre("node0.gpu0.pcie_out", "node0.gpu1.pcie_in"));
  EXPECT_THAT(names(cluster, 0, 2, RouteRule::kDirect),
              ElementsAre("node0.gpu0.pcie_out", "node0.pcie0_up", "node0.pcie1_down",
                          "node0.gpu2.pcie_in"));
}

TEST(Pcie, SharesANicBetweenTheGpusOfASwitch) {
  ClusterSpec spec = test_spec(2);
  spec.nvlink_bandwidth = BytesPerSecond(0);
  spec.nics_per_node = 4;
  const Cluster cluster = build_cluster(spec, "pcie");
  for (const int source : {2, 3})
    EXPECT_THAT(names(cluster, source, 8, RouteRule::kDirect),
                ElementsAre("node0.gpu" + std::to_string(source) + ".pcie_out", "node0.nic1_out",
                            "node1.nic0_in", "node1.gpu0.pcie_in"));
}

TEST(Pcie, ReachesTheOnlyNicOfTheNodeOverTheHost) {
  ClusterSpec spec = test_spec(2);
  spec.nvlink_bandwidth = BytesPerSecond(0);
  spec.nics_per_node = 1;
  const Cluster cluster = build_cluster(spec, "pcie");
  EXPECT_THAT(names(cluster, 7, 8, RouteRule::kDirect),
              ElementsAre("node0.gpu7.pcie_out", "node0.pcie3_up", "node0.pcie0_down",
                          "node0.nic0_out", "node1.nic0_in", "node1.gpu0.pcie_in"));
}

std::string mistake_of(const ClusterSpec& spec, const std::string& topology) {
  return error_of([&] { build_cluster(spec, topology); });
}

TEST(Cluster, NamesBothEndsThatCannotReachEachOther) {
  ClusterSpec spec = test_spec(2);
  spec.nics_per_node = 0;
  EXPECT_EQ(mistake_of(spec, "rail_optimized"),
            "error: node0.gpu0 and node1.gpu0 cannot reach each other\n"
            "  hint: GPUs outside one NVLink domain need NICs (nics_per_node) and a fabric that "
            "joins them");
}

TEST(Cluster, NamesALinkWithoutBandwidth) {
  ClusterSpec spec = test_spec(2);
  spec.nic_bandwidth = BytesPerSecond(0);
  EXPECT_EQ(mistake_of(spec, "fat_tree"),
            "error: link 'node0.nic0_out' must have a bandwidth above 0");
}

TEST(Topology, RefusesSizesThatDoNotFit) {
  EXPECT_EQ(mistake_of(test_spec(2), "{kind: nvlink_domain, domain_gpus: 12}"),
            "test:1:46: error: domain_gpus must be a multiple of gpus_per_node (8)\n"
            "  topology: {kind: nvlink_domain, domain_gpus: 12}\n"
            "                                               ^\n"
            "  hint: an NVLink domain holds whole nodes");
  EXPECT_THAT(mistake_of(test_spec(2), "pcie"), HasSubstr("topology 'pcie' has no NVLink"));
}

TEST(Topology, RoutesEveryPairOverLinksThatCanFillAndNoneTwice) {
  ClusterSpec no_nvlink = test_spec(3);
  no_nvlink.nvlink_bandwidth = BytesPerSecond(0);
  no_nvlink.nics_per_node = 2;
  const std::vector<Cluster> clusters = {
      build_cluster(test_spec(3), "{kind: rail_optimized, nodes_per_pod: 2, oversubscription: 2}"),
      build_cluster(test_spec(3), "{kind: fat_tree, nodes_per_leaf: 1, oversubscription: 3}"),
      build_cluster(test_spec(3), "{kind: nvlink_domain, domain_gpus: 16}"),
      build_cluster(no_nvlink, "{kind: pcie, gpus_per_switch: 3, nodes_per_leaf: 1}")};
  for (const Cluster& cluster : clusters) {
    for (const RouteRule rule : {RouteRule::kDirect, RouteRule::kPxn, RouteRule::kSourceRail}) {
      for (int s = 0; s < cluster.gpus(); ++s) {
        for (int t = 0; t < cluster.gpus(); ++t) {
          if (s == t) continue;
          const Route route = cluster.route(GpuId(s), GpuId(t), rule);
          ASSERT_GE(route.count, 2);
          std::set<LinkId> seen(route.links.begin(), route.links.begin() + route.count);
          ASSERT_EQ(seen.size(), static_cast<std::size_t>(route.count));
          for (const LinkId id : seen) ASSERT_TRUE(cluster.link(id).can_fill);
        }
      }
    }
  }
}

TEST(Topology, MakesEveryPortOfTwoDirectedLinks) {
  const Cluster cluster = build_cluster(test_spec(2), "{kind: fat_tree, nodes_per_leaf: 1}");
  const ClusterGraph& graph = cluster.graph();
  for (const auto edge : boost::make_iterator_range(edges(graph))) {
    const auto [back, exists] = boost::edge(target(edge, graph), source(edge, graph), graph);
    ASSERT_TRUE(exists) << graph[edge].name;
    EXPECT_EQ(graph[back].bandwidth, graph[edge].bandwidth);
    EXPECT_EQ(graph[back].latency, graph[edge].latency);
    EXPECT_EQ(cluster.link(graph[edge].id).name, graph[edge].name);
  }
  // 16 NVLink ports, 16 PCIe ports, 16 NICs, 2 leaf uplinks.
  EXPECT_EQ(cluster.links().size(), 2u * (16 + 16 + 16 + 2));
}

}  // namespace
}  // namespace moesim
