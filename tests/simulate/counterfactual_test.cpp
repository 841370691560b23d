#include "sim/counterfactual.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "tests/calibration/cost_models.hpp"
#include "tests/support/clusters.hpp"

namespace moesim {
namespace {

// Two nodes of two GPUs: GPUs 0 and 2 are on one rail, 1 and 3 on the other.
class FourGpus : public ::testing::Test {
 protected:
  FourGpus() {
    ClusterSpec spec = test_spec(2);
    spec.gpus_per_node = spec.nics_per_node = 2;
    cluster = std::make_shared<Cluster>(build_cluster(spec, "rail_optimized"));
    grid = std::make_shared<Grid>(Parallel{.ep = 4}, cluster);
    routed.rows = IdVector<GpuId, std::vector<int>>(4);
    routed.copy_rows = IdVector<GpuId, std::vector<int>>(4);
    routed.received = IdVector<GpuId, double>(4);
    routed.dispatch = Exchange{.legs = {{.bytes = ByteMatrix(4, 4)}}};
  }
  std::vector<int>& rows(int gpu) { return routed.rows[GpuId(gpu)]; }
  double& bytes(int source, int target) {
    return routed.dispatch->legs[0].bytes(GpuId(source), GpuId(target));
  }

  std::shared_ptr<const Cluster> cluster;
  std::shared_ptr<const Grid> grid;
  RoutedLayer routed;
};

TEST_F(FourGpus, ComputeTheMeanInTheProportionsOfTheirSlots) {
  rows(0) = {12, 4};
  rows(1) = {0, 0};
  rows(2) = {4};
  rows(3) = {0, 0, 0, 0};
  routed.copy_rows[GpuId(3)] = {12};
  routed.received = IdVector<GpuId, double>(std::vector<double>{16, 0, 4, 12});
  balance_loads(routed, *grid, 0, {});
  EXPECT_EQ(rows(0), (std::vector<int>{6, 2}));
  EXPECT_EQ(rows(1), (std::vector<int>{4, 4}));
  EXPECT_EQ(rows(2), (std::vector<int>{8}));
  EXPECT_EQ(rows(3), (std::vector<int>{0, 0, 0, 0}));
  EXPECT_EQ(routed.copy_rows[GpuId(3)], (std::vector<int>{8}));
  EXPECT_EQ(routed.received, (IdVector<GpuId, double>(4, 8.0)));
}

TEST_F(FourGpus, LoseNoRowToRounding) {
  rows(0) = {9, 0};
  rows(1) = {0, 0, 0};
  rows(2) = {3};
  rows(3) = {4};
  balance_loads(routed, *grid, 0, {});  // 4 each
  EXPECT_EQ(rows(0), (std::vector<int>{4, 0}));
  EXPECT_EQ(std::accumulate(rows(1).begin(), rows(1).end(), 0), 4);
  EXPECT_EQ(rows(3), (std::vector<int>{4}));
}

TEST_F(FourGpus, SpreadTheBytesOfALegOverThePairsOfAKind) {
  for (int gpu = 0; gpu < 4; ++gpu) rows(gpu) = {1};
  bytes(0, 0) = 4;                    // one of four within a GPU
  bytes(1, 0) = 8;                    // of four within a node
  bytes(2, 0) = 10, bytes(1, 3) = 2;  // of four along a rail
  bytes(3, 0) = 16;                   // of four across
  balance_loads(routed, *grid, 0, {});
  for (int source = 0; source < 4; ++source)
    for (int target = 0; target < 4; ++target) {
      const double expected = source == target           ? 1
                              : source / 2 == target / 2 ? 2
                              : source % 2 == target % 2 ? 3
                                                         : 4;
      EXPECT_DOUBLE_EQ(bytes(source, target), expected) << source << " to " << target;
    }
}

TEST_F(FourGpus, LeaveADeadGpuAndOneWithoutSlotsAlone) {
  rows(0) = {6};
  rows(1) = {2};
  rows(3) = {9};
  bytes(0, 1) = 6;
  balance_loads(routed, *grid, 0, {.dead = {{.gpu = GpuId(3)}}});
  EXPECT_EQ(rows(0), (std::vector<int>{4}));
  EXPECT_EQ(rows(1), (std::vector<int>{4}));
  EXPECT_EQ(rows(2), (std::vector<int>{}));
  EXPECT_EQ(rows(3), (std::vector<int>{9}));
  EXPECT_DOUBLE_EQ(bytes(0, 1), 3);
  EXPECT_DOUBLE_EQ(bytes(1, 0), 3);
}

TEST_F(FourGpus, OnFreeLinksAreNextToEachOther) {
  const Cluster free = with_free_links(*cluster);
  ASSERT_EQ(free.links().size(), cluster->links().size());
  for (const Link& link : free.links()) {
    EXPECT_EQ(link.name, cluster->link(link.id).name);
    EXPECT_DOUBLE_EQ(link.bandwidth.value, 1e6 * cluster->link(link.id).bandwidth.value);
    EXPECT_EQ(link.can_fill, cluster->link(link.id).can_fill);
  }
  for (const RouteRule rule : {RouteRule::kDirect, RouteRule::kPxn, RouteRule::kSourceRail}) {
    EXPECT_EQ(free.route(GpuId(0), GpuId(3), rule).latency.value, 0);
    EXPECT_EQ(free.route(GpuId(0), GpuId(3), rule).links,
              cluster->route(GpuId(0), GpuId(3), rule).links);
  }
}

TEST_F(FourGpus, WithFreeCommunicationStartExchangesAtOnce) {
  TaskGraph graph;
  graph.add(Exchange{.start_up = Seconds(1), .notify = Seconds(2), .rendezvous = true, .sms = 20});
  leave_out({.balanced_loads = true, .no_stragglers = true, .infinite_hbm = true}, graph);
  const auto& exchange = std::get<Exchange>(graph.nodes[0].operation);
  EXPECT_EQ(exchange.start_up.value, 1);
  leave_out({.free_communication = true}, graph);
  EXPECT_EQ(exchange.start_up.value, 0);
  EXPECT_EQ(exchange.notify.value, 0);
  EXPECT_EQ(exchange.sms, 0);
  EXPECT_TRUE(exchange.rendezvous);  // ranks still wait for each other
}

// GPU 3 is of another stage. What experts compute is a matter of balance.
TEST_F(FourGpus, WithoutStragglersTakeTheMeanOfEveryKernelButTheExperts) {
  const IdVector<GpuId, KernelTime> times(std::vector<KernelTime>{
      {Seconds(1), Seconds(0)}, {Seconds(2), Seconds(3)}, {Seconds(6), Seconds(0)}, {}});
  TaskGraph graph;
  graph.add(Compute{.time = times, .phase = Phase::kAttention});
  graph.add(Compute{.time = times, .phase = Phase::kExperts});
  leave_out({.no_stragglers = true}, graph);
  const auto& attention = std::get<Compute>(graph.nodes[0].operation).time;
  for (int gpu = 0; gpu < 3; ++gpu) {
    EXPECT_DOUBLE_EQ(attention[GpuId(gpu)].compute.value, 3);
    EXPECT_DOUBLE_EQ(attention[GpuId(gpu)].memory.value, 1);
  }
  EXPECT_EQ(attention[GpuId(3)].total().value, 0);
  EXPECT_DOUBLE_EQ(std::get<Compute>(graph.nodes[1].operation).time[GpuId(2)].total().value, 6);
}

TEST(WithoutStragglers, KeepsWhatIsNoMatterOfSpeed) {
  Conditions conditions;
  conditions.compute_speed = conditions.memory_speed = IdVector<GpuId, double>(2, 0.5);
  conditions.jitter = IdVector<GpuId, double>(2, 0.1);
  conditions.dead = {{.gpu = GpuId(1)}};
  const Conditions left = without_stragglers(conditions);
  EXPECT_TRUE(left.compute_speed.empty() && left.memory_speed.empty() && left.jitter.empty());
  EXPECT_TRUE(left.is_dead(GpuId(1)));
}

// 100 TFLOP/s and 1 TB/s.
class InfiniteHbm : public ::testing::Test {
 protected:
  InfiniteHbm() {
    ClusterSpec spec = test_spec(1);
    spec.gpu = round_gpu();
    spec.gpu.pcie = BytesPerSecond(64e9);
    scenario.cluster = std::make_shared<Cluster>(build_cluster(spec, "nvlink_domain"));
  }
  // Of m rows with 4096 × 4096 weights.
  double seconds(const std::string& form, double m, bool infinite) {
    scenario.calibration =
        yaml(round_calibration("kernels: [{kernel: gemm, dtype: bf16, form: {" + form + "}}]\n"));
    const auto cost = kernel_costs(scenario, {.infinite_hbm = infinite});
    return cost->gemm({.m = m, .n = 4096, .k = 4096, .dtype = DType::kBf16}).total().value;
  }
  Scenario scenario;
};

// One row reads 33.6 MB of weights and activations; 2·4096² flops take 0.3 us.
TEST_F(InfiniteHbm, LeavesStartUpAndComputeOfARoofline) {
  const std::string form = "kind: roofline, start_up: 2 us";
  EXPECT_NEAR(seconds(form, 1, false), 2e-6 + 2.0 * (4096 * 4096 + 2 * 4096) / 1e12, 1e-9);
  EXPECT_NEAR(seconds(form, 1, true), 2e-6 + 2.0 * 4096 * 4096 / 1e14, 1e-9);
  const double large = 2e-6 + 2.0 * 8192 * 4096 * 4096 / 1e14;  // bound by compute before, too
  EXPECT_NEAR(seconds(form, 8192, false), large, 1e-9);
  EXPECT_NEAR(seconds(form, 8192, true), large, 1e-9);
}

TEST_F(InfiniteHbm, TakesTheTrafficOfAFormWithARateOfItsOwn) {
  const std::string form =
      "kind: affine, start_up: 5 us, per_token: 0 s, rate: 500 GB/s, speed: 0 TFLOP/s";
  EXPECT_GT(seconds(form, 1, false), 60e-6);
  EXPECT_NEAR(seconds(form, 1, true), 5e-6, 1e-9);
}

TEST_F(InfiniteHbm, LeavesTimesThatWereMeasuredWhole) {
  const std::string form = "kind: table, points: [1, 100], times_us: [5, 6]";
  EXPECT_DOUBLE_EQ(seconds(form, 1, false), 5e-6);
  EXPECT_DOUBLE_EQ(seconds(form, 1, true), 5e-6);
}

}  // namespace
}  // namespace moesim
