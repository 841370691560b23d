#include "sim/model/collective_exchange.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "sim/calibration/calibrated_cost.hpp"
#include "sim/model/port_rates.hpp"
#include "tests/support/engine_runs.hpp"

namespace moesim {
namespace {
using enum CollectiveKind;
using enum CollectiveAlgorithm;

std::vector<GpuId> gpus_from(int first, int count) {
  std::vector<GpuId> gpus;
  for (int gpu = first; gpu < first + count; ++gpu) gpus.push_back(GpuId(gpu));
  return gpus;
}

Cluster cluster_of(int nodes, int gpus_per_node) {
  ClusterSpec spec = test_spec(nodes);
  spec.gpus_per_node = spec.nics_per_node = gpus_per_node;
  return build_cluster(spec, "rail_optimized");
}

// Bytes that a GPU sends inside its domain and beyond.
std::pair<double, double> sent_by(const ByteMatrix& bytes, const Cluster& cluster, GpuId gpu) {
  double local = 0, network = 0;
  for (const GpuId target : bytes.column_ids())
    (cluster.same_domain(gpu, target) ? local : network) += bytes(gpu, target);
  return {local, network};
}

TEST(CollectiveBytes, OfARingGoToTheNextGpu) {
  const Cluster cluster = cluster_of(1, 4);
  const ByteMatrix bytes = collective_bytes(
      {.group = gpus_from(0, 4), .kind = kAllGather, .size = Bytes(400)}, kRing, cluster);
  EXPECT_EQ(bytes.raw(), (std::vector<double>{0, 300, 0, 0,  //
                                              0, 0, 300, 0,  //
                                              0, 0, 0, 300,  //
                                              300, 0, 0, 0}));
  const ByteMatrix broadcast = collective_bytes(
      {.group = gpus_from(1, 3), .kind = kBroadcast, .size = Bytes(400)}, kRing, cluster);
  EXPECT_EQ(broadcast.raw(), (std::vector<double>{0, 0, 0, 0,    //
                                                  0, 0, 400, 0,  //
                                                  0, 0, 0, 400,  //
                                                  0, 0, 0, 0}));
}

// Two rings over two nodes of two: 0 1 2 3, and 1 0 3 2. Each passes 3/4 of 400 bytes in halves.
// GPU 1 leaves through GPU 0's NIC to reach GPU 2 on its rail.
TEST(CollectiveBytes, OfRingsOverNodesStayOnTheirRails) {
  const Cluster cluster = cluster_of(2, 2);
  const ByteMatrix bytes = collective_bytes(
      {.group = gpus_from(0, 4), .kind = kReduceScatter, .size = Bytes(400)}, kRing, cluster);
  EXPECT_EQ(bytes.raw(), (std::vector<double>{0, 150, 0, 150,  //
                                              150, 0, 150, 0,  //
                                              0, 150, 0, 150,  //
                                              150, 0, 150, 0}));
  EXPECT_EQ(cluster.route(GpuId(1), GpuId(2), RouteRule::kPxn).relay, GpuId(0));
}

TEST(CollectiveBytes, OfTreesGoUpAndDown) {
  const Cluster cluster = cluster_of(3, 1);
  // Tree 0 has the root 0 and the leaves 1, 2; tree 1 the root 2 and the leaves 1, 0.
  const ByteMatrix bytes = collective_bytes(
      {.group = gpus_from(0, 3), .kind = kAllReduce, .size = Bytes(400)}, kTree, cluster);
  EXPECT_EQ(bytes.raw(), (std::vector<double>{0, 200, 400, 0 + 200, 0, 200, 400, 200, 0}));
  const ByteMatrix broadcast = collective_bytes(
      {.group = gpus_from(0, 3), .kind = kBroadcast, .size = Bytes(400)}, kTree, cluster);
  EXPECT_EQ(broadcast.raw(), (std::vector<double>{0, 200, 200, 0, 0, 0, 200, 200, 0}));
}

TEST(CollectiveBytes, AreThoseOfTheClosedForm) {
  const Cluster cluster = cluster_of(4, 8);
  const Collective collective{.group = gpus_from(0, 32), .kind = kAllReduce, .size = Bytes(3.2e6)};
  for (const CollectiveAlgorithm algorithm : {kRing, kOneHop}) {
    const ByteMatrix bytes = collective_bytes(collective, algorithm, cluster);
    const CollectiveWork work =
        collective_work(kAllReduce, algorithm, group_of(collective, cluster), collective.size);
    double most_local = 0, most_network = 0;
    for (const GpuId gpu : collective.group) {
      const auto [local, network] = sent_by(bytes, cluster, gpu);
      most_local = std::max(most_local, local);
      most_network = std::max(most_network, network);
    }
    // A ring's way to the GPU beside its NIC is no entry of the matrix.
    const double relayed = algorithm == kRing ? work.network.value : 0;
    EXPECT_NEAR(most_local + relayed, work.local.value, 1) << to_string(algorithm);
    // The closed form is of trees with many nodes; of four nodes, none has two children twice.
    const double network = algorithm == kRing ? work.network.value : 0.75 * work.network.value;
    EXPECT_NEAR(most_network, network, 1) << to_string(algorithm);
  }
}

TEST(CollectiveBytes, OfOneKernelGoToEveryPeer) {
  const Cluster cluster = cluster_of(1, 4);
  const Collective collective{.group = gpus_from(0, 4), .kind = kAllReduce, .size = Bytes(400)};
  EXPECT_EQ(collective_bytes(collective, kOneShot, cluster)(GpuId(0), GpuId(3)), 400);
  EXPECT_EQ(collective_bytes(collective, kTwoShot, cluster)(GpuId(0), GpuId(3)), 200);
  const Collective all_to_all{.group = gpus_from(0, 4), .kind = kAllToAll, .size = Bytes(400)};
  EXPECT_EQ(collective_bytes(all_to_all, kPairwise, cluster)(GpuId(1), GpuId(2)), 100);
  EXPECT_EQ(collective_bytes(all_to_all, kPairwise, cluster)(GpuId(1), GpuId(1)), 0);
}

double latest(const std::vector<double>& ends) {
  return *std::max_element(ends.begin(), ends.end());
}

TEST(ExpandedCollective, TakesOnAnIdleNetworkWhatTheCostModelSays) {
  const auto cost = make_cost_model(parse_yaml(text_source("test", "h100-sxm-network")),
                                    GpuSpec{.name = "H100 SXM"});
  for (const int nodes : {1, 2, 4}) {
    const Cluster cluster = cluster_of(nodes, 8);
    for (const CollectiveKind kind : {kAllReduce, kAllGather, kReduceScatter, kAllToAll}) {
      for (const double size : {65536.0, 64e6, 4e9}) {
        const Collective collective{
            .group = gpus_from(0, 8 * nodes), .kind = kind, .size = Bytes(size)};
        const Exchange exchange = expand({&collective, 1}, cluster, *cost);
        EXPECT_TRUE(exchange.rendezvous);
        const double closed = cost->collective(kind, group_of(collective, cluster), Bytes(size),
                                               port_rates(cluster), "nccl")
                                  .time.total()
                                  .value;
        const auto ends = run_alone(cluster, {.tolerance = 0}, exchange_graph(exchange), 0);
        // What a ring sends on to the GPU beside its NIC shares that GPU's port in the engine.
        EXPECT_NEAR(latest(ends), closed, 0.04 * closed)
            << to_string(kind) << " " << nodes << " nodes " << size;
      }
    }
  }
}

// Two tensor-parallel groups of four in a node: the ports of each are its own.
TEST(ExpandedCollective, OfDisjointGroupsTakesAsLongAsOne) {
  const auto cost = make_cost_model(parse_yaml(text_source("test", "h100-sxm-network")),
                                    GpuSpec{.name = "H100 SXM"});
  const Cluster cluster = cluster_of(1, 8);
  const std::vector<Collective> groups = {{.group = gpus_from(0, 4), .size = Bytes(64e6)},
                                          {.group = gpus_from(4, 4), .size = Bytes(64e6)}};
  const auto time_of = [&](std::span<const Collective> some) {
    return latest(
        run_alone(cluster, {.tolerance = 0}, exchange_graph(expand(some, cluster, *cost)), 0));
  };
  const double both = time_of(groups), one = time_of(std::span(groups).first(1));
  EXPECT_NEAR(both, one, 1e-9);
}

TEST(ExpandedCollective, StartsWhenAllOfItsGroupAreThereAndLeavesOthersAlone) {
  const auto cost = make_cost_model(parse_yaml(text_source("test", "h100-sxm-network")),
                                    GpuSpec{.name = "H100 SXM"});
  const Cluster cluster = cluster_of(1, 8);
  const Collective collective{.group = gpus_from(0, 4), .size = Bytes(64e6)};
  const Exchange exchange = expand({&collective, 1}, cluster, *cost);
  const auto idle = run_alone(cluster, {.tolerance = 0}, exchange_graph(exchange), 0);
  TaskGraph graph;
  const int kernel = graph.add(compute(8, {{2, 5e-3}}));
  graph.add(exchange, {kernel});
  const auto held_up = run_alone(cluster, {.tolerance = 0}, graph, 1);
  for (const std::size_t member : {0u, 1u, 2u, 3u})
    EXPECT_NEAR(held_up[member], 5e-3 + idle[member], 1e-12);
  for (const std::size_t outside : {4u, 7u}) EXPECT_EQ(held_up[outside], 0);
}

}  // namespace
}  // namespace moesim
