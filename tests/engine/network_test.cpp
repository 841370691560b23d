// Closed forms of the network, one exchange or copy at a time, on nodes of 8 GPUs: NVLink ports of
// 450 GB/s and 1 us a hop, NICs of 50 GB/s, 2 us to the leaf.
#include <gtest/gtest.h>

#include <algorithm>

#include "sim/model/cluster_graph.hpp"
#include "tests/support/engine_runs.hpp"

namespace moesim {
namespace {

constexpr double kNic = 50e9, kNvLink = 450e9;
Exchange plain(ByteMatrix bytes) {
  Exchange exchange;
  exchange.legs.push_back({.bytes = std::move(bytes)});
  return exchange;
}

std::vector<double> ends_of(const Cluster& cluster, Exchange exchange,
                            const NetworkOptions& options = kExact) {
  return run_alone(cluster, options, exchange_graph(std::move(exchange)), 0);
}

double latency(const Cluster& cluster, int source, int target) {
  return cluster.route(GpuId(source), GpuId(target), RouteRule::kDirect).latency.value;
}

class Network16 : public ::testing::Test {
 protected:
  Cluster cluster = build_cluster(test_spec(2), "rail_optimized");
};

TEST_F(Network16, CarriesASingleFlowInLatencyPlusBytesOverBandwidth) {
  const auto ends = ends_of(cluster, plain(matrix_of(16, {{0, 8, 5e6}, {1, 2, 9e6}})));
  EXPECT_NEAR(ends[8], latency(cluster, 0, 8) + 5e6 / kNic, 1e-15);
  EXPECT_NEAR(ends[2], latency(cluster, 1, 2) + 9e6 / kNvLink, 1e-15);
  EXPECT_EQ(ends[5], 0);
}

TEST_F(Network16, SharesAReceiverAmongItsSenders) {
  // Eight senders of the other node into one NIC, which is busy from the first byte on: that of the
  // rail peer, which has one hop less to go.
  std::vector<std::tuple<int, int, double>> entries;
  for (int source = 8; source < 16; ++source) entries.emplace_back(source, 0, 1e6);
  const auto ends = ends_of(cluster, plain(matrix_of(16, entries)));
  EXPECT_LT(latency(cluster, 8, 0), latency(cluster, 9, 0));
  EXPECT_NEAR(ends[0], latency(cluster, 8, 0) + 8e6 / kNic, 1e-15);
}

TEST_F(Network16, LetsAColdReceiverEndBeforeAHotOne) {
  // 8 sends 6 MB to 0; 9 sends 2 MB to 0 and 2 MB to 1 (same rails' latencies differ by the spine).
  // Port into 0 holds both its flows to 25 GB/s, so 9 has 25 GB/s for 1: both its flows end after
  // 80 us, then 8 has 4 MB left at 50 GB/s: 160 us.
  ClusterSpec spec = test_spec(2);
  spec.nic_latency = spec.switch_latency = spec.nvlink_latency = Seconds(0);
  const Cluster instant = build_cluster(spec, "rail_optimized");
  const auto ends = ends_of(instant, plain(matrix_of(16, {{8, 0, 6e6}, {9, 0, 2e6}, {9, 1, 2e6}})));
  EXPECT_NEAR(ends[1], 80e-6, 1e-15);
  EXPECT_NEAR(ends[0], 160e-6, 1e-15);
}

TEST_F(Network16, DoesNotMixDisjointGroups) {
  const auto both =
      ends_of(cluster, plain(matrix_of(16, {{0, 8, 5e6}, {1, 9, 7e6}, {2, 3, 9e6}, {3, 2, 1e6}})));
  EXPECT_NEAR(both[8], ends_of(cluster, plain(matrix_of(16, {{0, 8, 5e6}})))[8], 1e-15);
  EXPECT_NEAR(both[9], latency(cluster, 1, 9) + 7e6 / kNic, 1e-15);
  EXPECT_NEAR(both[2], latency(cluster, 3, 2) + 1e6 / kNvLink, 1e-15);
}

TEST_F(Network16, CountsWhatCrossesTheSpineAlsoWhereItIsNeverFull) {
  const auto bytes = in_child([&] {
    RecordingProducer producer;
    // GPU 8 is on the rail of GPU 0; GPU 9 is not, and direct routes cross to its leaf.
    producer.fragments.push_back(
        exchange_graph(plain(matrix_of(16, {{0, 8, 5e6}, {0, 9, 3e6}, {0, 1, 1e6}}))));
    Engine engine(cluster, kExact);
    engine.add(producer);
    engine.run();
    return std::vector<double>{
        engine.link_uses()[static_cast<std::size_t>(Phase::kDispatch)].spine_bytes,
        engine.link_uses()[static_cast<std::size_t>(Phase::kCombine)].spine_bytes};
  });
  EXPECT_EQ(bytes, (std::vector<double>{3e6, 0}));
}

TEST_F(Network16, CountsPayloadAndWireBytesOnEachLinkOfTheRoute) {
  const auto bytes = in_child([&] {
    RecordingProducer producer;
    Exchange exchange = plain(matrix_of(16, {{0, 8, 5e6}, {0, 1, 3e6}, {2, 2, 9e6}}));
    exchange.legs[0].network_inflation = 1.1;
    exchange.legs[0].local_inflation = 1.5;
    producer.fragments.push_back(exchange_graph(std::move(exchange)));
    Engine engine(cluster, kExact);
    engine.add(producer);
    engine.run();
    double nic = 0, nic_wire = 0, nvlink = 0, nvlink_wire = 0;
    const LinkUse& use = engine.link_uses()[static_cast<std::size_t>(Phase::kDispatch)];
    for (const Link& link : cluster.links()) {
      (link.kind == LinkKind::kNic ? nic : nvlink) += use.bytes[link.id];
      (link.kind == LinkKind::kNic ? nic_wire : nvlink_wire) += use.wire_bytes[link.id];
    }
    return std::vector<double>{nic,         nic_wire,           nvlink,
                               nvlink_wire, producer.end(0, 8), producer.end(0, 1)};
  });
  ASSERT_EQ(bytes.size(), 6u);
  EXPECT_DOUBLE_EQ(bytes[0], 2 * 5e6);
  EXPECT_DOUBLE_EQ(bytes[1], 2 * 5.5e6);
  EXPECT_DOUBLE_EQ(bytes[2], 2 * 3e6);
  EXPECT_DOUBLE_EQ(bytes[3], 2 * 4.5e6);
  EXPECT_NEAR(bytes[4], latency(cluster, 0, 8) + 5.5e6 / kNic, 1e-15);
  EXPECT_NEAR(bytes[5], latency(cluster, 0, 1) + 4.5e6 / kNvLink, 1e-15);
}

TEST_F(Network16, ServesPeersOneAfterTheOtherWithAWindowOfOne) {
  // Same rail: 0 → 8 → … are not all one hop, so only NVLink peers here: 1 us up, 1 us down.
  // 0 sends to 1 (9 MB, 20 us), 2 (4.5 MB, 10 us), 3 (2.25 MB, 5 us), in this order.
  Exchange exchange = plain(matrix_of(16, {{0, 1, 9e6}, {0, 2, 4.5e6}, {0, 3, 2.25e6}}));
  exchange.schedule = {.window = 1, .order = PeerOrder::kShifted};
  const double alpha = latency(cluster, 0, 1);
  const auto ends = ends_of(cluster, exchange);
  EXPECT_NEAR(ends[1], alpha + 20e-6, 1e-15);
  EXPECT_NEAR(ends[2], 2 * alpha + 30e-6, 1e-15);
  EXPECT_NEAR(ends[3], 3 * alpha + 35e-6, 1e-15);
}

TEST_F(Network16, StartsTheShiftedOrderAfterTheSenderAndTheAscendingOneAtZero) {
  Exchange exchange = plain(matrix_of(16, {{2, 1, 9e6}, {2, 3, 9e6}}));
  exchange.schedule = {.window = 1, .order = PeerOrder::kShifted};
  const double alpha = latency(cluster, 2, 1);
  EXPECT_NEAR(ends_of(cluster, exchange)[3], alpha + 20e-6, 1e-15);
  exchange.schedule.order = PeerOrder::kAscending;
  EXPECT_NEAR(ends_of(cluster, exchange)[1], alpha + 20e-6, 1e-15);
}

TEST(NetworkOfSlowNics, WaitsForTheOneSlowNic) {
  // Every GPU sends 1 MB to its rail peer; the way out of GPU 3 runs at a quarter of the others'.
  Cluster fast = build_cluster(test_spec(2), "rail_optimized");
  ClusterGraph graph = fast.graph();
  const Route route = fast.route(GpuId(3), GpuId(11), RouteRule::kDirect);
  for (const auto edge : boost::make_iterator_range(edges(graph))) {
    if (graph[edge].id == route.links[0]) graph[edge].bandwidth = BytesPerSecond(kNic / 4);
  }
  const Cluster cluster(graph, fast.gpu(), {});
  std::vector<std::tuple<int, int, double>> entries;
  for (int gpu = 0; gpu < 8; ++gpu) entries.emplace_back(gpu, gpu + 8, 1e6);
  const auto ends = ends_of(cluster, plain(matrix_of(16, entries)));
  EXPECT_NEAR(ends[11], route.latency.value + 4e6 / kNic, 1e-15);
  EXPECT_NEAR(ends[10], route.latency.value + 1e6 / kNic, 1e-15);
}

// Four nodes on leaves of two nodes with all their NICs (16 ports), the way up narrower by
// `factor`: every GPU sends to the GPU two nodes on, so all of a leaf's traffic climbs.
double time_across(double factor) {
  const Cluster cluster = build_cluster(
      test_spec(4),
      "{kind: fat_tree, nodes_per_leaf: 2, oversubscription: " + std::to_string(factor) + "}");
  std::vector<std::tuple<int, int, double>> entries;
  for (int gpu = 0; gpu < 32; ++gpu) entries.emplace_back(gpu, (gpu + 16) % 32, 1e6);
  const auto ends = ends_of(cluster, plain(matrix_of(32, entries)));
  return *std::max_element(ends.begin(), ends.end()) - latency(cluster, 0, 16);
}

TEST(NetworkOfLeaves, TakesAsManyTimesAsLongAsTheWayUpIsOversubscribed) {
  EXPECT_NEAR(time_across(1), 1e6 / kNic, 1e-12);
  EXPECT_NEAR(time_across(2), 2e6 / kNic, 1e-12);
  EXPECT_NEAR(time_across(4), 4e6 / kNic, 1e-12);
}

TEST_F(Network16, CopiesBetweenTwoGpusAndEndsOnTheTarget) {
  TaskGraph graph;
  const int kernel = graph.add(compute(16, {{0, 3e-6}}));
  const int copy =
      graph.add(Transfer{.source = GpuId(0), .target = GpuId(8), .size = Bytes(5e6)}, {kernel});
  const auto ends = run_alone(cluster, kExact, graph, copy);
  EXPECT_NEAR(ends[8], 3e-6 + latency(cluster, 0, 8) + 5e6 / kNic, 1e-15);
  EXPECT_NEAR(ends[0], 3e-6, 1e-15);
  EXPECT_EQ(ends[4], 0);
}

}  // namespace
}  // namespace moesim
