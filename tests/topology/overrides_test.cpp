// Clusters in which some nodes and links differ from the rest.
#include <gmock/gmock.h>

#include "sim/model/cluster_graph.hpp"
#include "sim/topology/cluster_reader.hpp"
#include "tests/support/clusters.hpp"
#include "tests/support/sections.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Three nodes of 8 H100 with NICs of 50 GB/s on one leaf a rail, and what `overrides` says.
Cluster overridden(const std::string& overrides, const std::string& topology = "rail_optimized") {
  Mistakes mistakes;
  return read_cluster(section_of("cluster: {preset: h100-sxm-ib400, nodes: 3, topology: " +
                                 topology + ", overrides: " + overrides + "}"),
                      mistakes);
}

std::string mistake(const std::string& overrides) {
  return error_of([&] { overridden(overrides); });
}

std::vector<std::string> names(const Cluster& cluster, int source, int target) {
  return link_names(cluster, cluster.route(GpuId(source), GpuId(target), RouteRule::kDirect));
}

double rate(const Cluster& cluster, const std::string& name) {
  for (const Link& link : cluster.links())
    if (link.name == name) return link.bandwidth.value;
  ADD_FAILURE() << "no link " << name;
  return 0;
}

TEST(Overrides, GiveANodeItsOwnCounts) {
  const Cluster cluster = overridden("[{node: 1, gpus: 4, nics: 2}]");
  EXPECT_EQ(cluster.gpus(), 20);
  EXPECT_EQ(cluster.gpus_of(NodeId(1)).size(), 4u);
  EXPECT_EQ(cluster.node_of(GpuId(12)), NodeId(2));
  // Two GPUs to a NIC in that node: GPU 11 is its last, on its second NIC.
  EXPECT_THAT(names(cluster, 11, 1), ElementsAre("node1.nic1_out", "node0.nic1_in"));
}

TEST(Overrides, SlowOneDirectionOrBoth) {
  const Cluster cluster = overridden(
      "[{link: node0.nic3, bandwidth: 100 Gb/s}, {link: node1.nic4_out, bandwidth: 25 GB/s}]");
  EXPECT_DOUBLE_EQ(rate(cluster, "node0.nic3_out"), 12.5e9);
  EXPECT_DOUBLE_EQ(rate(cluster, "node0.nic3_in"), 12.5e9);
  EXPECT_DOUBLE_EQ(rate(cluster, "node1.nic4_out"), 25e9);
  EXPECT_DOUBLE_EQ(rate(cluster, "node1.nic4_in"), 50e9);
  EXPECT_DOUBLE_EQ(rate(cluster, "node2.nic3_out"), 50e9);
}

TEST(Overrides, LeaveWhatBackgroundTrafficDoesNotTake) {
  const Cluster cluster = overridden(
      "[{link: 'node*.nic0_in', background: 0.2}, {link: node2.nic0_in, background: 0.5}]");
  EXPECT_DOUBLE_EQ(rate(cluster, "node0.nic0_in"), 40e9);
  EXPECT_DOUBLE_EQ(rate(cluster, "node2.nic0_in"), 20e9);
  EXPECT_DOUBLE_EQ(rate(cluster, "node2.nic0_out"), 50e9);
  const Route route = cluster.route(GpuId(0), GpuId(16), RouteRule::kDirect);
  EXPECT_DOUBLE_EQ(cluster.link(route.links[1]).background, 0.6);
}

TEST(Overrides, SendAGpuWithoutItsNicThroughANeighbours) {
  const Cluster cluster = overridden("[{link: node1.nic2, missing: true}]");
  // GPU 10 is GPU 2 of node 1; the other seven are equally near, and it takes the third of them.
  EXPECT_THAT(names(cluster, 10, 2), ElementsAre("node1.gpu2.nvlink_out", "node1.gpu3.nvlink_in",
                                                 "node1.nic3_out", "node0.nic2_in"));
  EXPECT_THAT(names(cluster, 2, 10), ElementsAre("node0.nic2_out", "node1.nic3_in",
                                                 "node1.gpu3.nvlink_out", "node1.gpu2.nvlink_in"));
  EXPECT_THAT(names(cluster, 11, 3), ElementsAre("node1.nic3_out", "node0.nic3_in"));
}

TEST(Overrides, LetAWeakenedUplinkLimitItsLeaf) {
  // 32 ports of 50 GB/s go up unopposed until a tenth of the way up is taken.
  const std::string topology = "{kind: fat_tree, nodes_per_leaf: 2}";
  EXPECT_THAT(names(overridden("[]", topology), 0, 16),
              ElementsAre("node0.nic0_out", "node2.nic0_in"));
  EXPECT_THAT(names(overridden("[{link: leaf0_up, background: 0.1}]", topology), 0, 16),
              ElementsAre("node0.nic0_out", "leaf0_up", "node2.nic0_in"));
}

TEST(HashLoss, NarrowsTheWayToTheSpine) {
  const Cluster cluster =
      overridden("[]", "{kind: fat_tree, nodes_per_leaf: 2, oversubscription: 2, hash_loss: 0.25}");
  // 16 ports of 50 GB/s, half of it up, three quarters of that used.
  EXPECT_DOUBLE_EQ(rate(cluster, "leaf0_up"), 300e9);
  EXPECT_THAT(names(cluster, 0, 16),
              ElementsAre("node0.nic0_out", "leaf0_up", "leaf1_down", "node2.nic0_in"));
}

TEST(Overrides, SayWhatIsWrongWithThem) {
  EXPECT_THAT(mistake("[{link: node0.nik3, bandwidth: 1 GB/s}]"),
              HasSubstr("no link is called 'node0.nik3'"));
  EXPECT_THAT(mistake("[{link: node0.nik3, bandwidth: 1 GB/s}]"), HasSubstr("'node0.nic3'"));
  EXPECT_THAT(mistake("[{node: 3, gpus: 4}]"), HasSubstr("there is no node 3"));
  EXPECT_THAT(mistake("[{node: 1, bandwidth: 1 GB/s}]"),
              HasSubstr("bandwidth is not a key of a node's override"));
  EXPECT_THAT(mistake("[{bandwidth: 1 GB/s}]"),
              HasSubstr("an override names either a node or a link"));
  EXPECT_THAT(mistake("[{link: node0.nic3, bandwidth: 0 GB/s}]"), HasSubstr("above 0"));
  EXPECT_THAT(mistake("{link: node0.nic3}"), HasSubstr("overrides must be a list"));
  EXPECT_THAT(mistake("[{link: 'node1.nic*', missing: true}]"),
              HasSubstr("node0.gpu0 and node1.gpu0 cannot reach each other"));
}

}  // namespace
}  // namespace moesim
