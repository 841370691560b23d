// How the fidelities agree on the same traffic.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/engine_runs.hpp"

namespace moesim {
namespace {

double latest(const std::vector<double>& ends) {
  return *std::max_element(ends.begin(), ends.end());
}

Exchange random_exchange(const Cluster& cluster, std::uint64_t seed) {
  Exchange exchange;
  exchange.legs.push_back({.bytes = skewed_matrix(cluster.gpus(), seed, 0.6, 2e6),
                           .network_inflation = 1.05,
                           .local_inflation = 1.2,
                           .rule = static_cast<RouteRule>(seed % 3)});
  exchange.schedule.window = seed % 2 == 0 ? 0 : static_cast<int>(1 + seed % 5);
  exchange.schedule.order = static_cast<PeerOrder>(seed % 3);
  return exchange;
}

// Kernels of different length first, so that the GPUs start apart.
TaskGraph staggered(Exchange exchange, std::uint64_t seed) {
  Rng rng(seed, Purpose::kJitter);
  const int gpus = static_cast<int>(exchange.legs.front().bytes.rows());
  std::vector<std::pair<int, double>> times;
  for (int gpu = 0; gpu < gpus; ++gpu) times.emplace_back(gpu, 200e-6 * rng.uniform());
  TaskGraph graph;
  const int kernel = graph.add(compute(gpus, times));
  graph.add(std::move(exchange), {kernel});
  return graph;
}

// Bytes over bandwidth of the busiest link.
double wire_bound(const Cluster& cluster, const Exchange& exchange) {
  IdVector<LinkId, double> load(cluster.links().size());
  for (const ExchangeLeg& leg : exchange.legs) {
    for (const GpuId source : leg.bytes.row_ids()) {
      for (const GpuId target : leg.bytes.column_ids()) {
        if (source == target) continue;
        const double wire =
            leg.bytes(source, target) *
            (cluster.same_domain(source, target) ? leg.local_inflation : leg.network_inflation);
        const Route route = cluster.route(source, target, leg.rule);
        for (int hop = 0; hop < route.count; ++hop)
          load[route.links[static_cast<std::size_t>(hop)]] += wire;
      }
    }
  }
  double bound = 0;
  for (const Link& link : cluster.links())
    bound = std::max(bound, load[link.id] / link.bandwidth.value);
  return bound;
}

class Fidelities : public ::testing::Test {
 protected:
  Cluster cluster =
      build_cluster(test_spec(2), "{kind: rail_optimized, nodes_per_pod: 1, oversubscription: 2}");
};

TEST_F(Fidelities, ExactFluidIsPairwiseToSixDigits) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    const TaskGraph graph = staggered(random_exchange(cluster, seed), seed);
    const auto pairwise = run_alone(cluster, {.fidelity = Fidelity::kPairwise}, graph, 1);
    const auto fluid = run_alone(cluster, {.fidelity = Fidelity::kFluid, .tolerance = 0}, graph, 1);
    for (std::size_t gpu = 0; gpu < fluid.size(); ++gpu)
      EXPECT_NEAR(fluid[gpu], pairwise[gpu], 1e-6 * pairwise[gpu]) << seed << " gpu " << gpu;
  }
}

TEST_F(Fidelities, ExactFluidIsPairwiseOn64Gpus) {
  const Cluster larger =
      build_cluster(test_spec(8), "{kind: rail_optimized, nodes_per_pod: 4, oversubscription: 2}");
  // Three of four pairs are empty, for SimGrid's sake. All at once: with a window, a tie that
  // rounding breaks decides who is served next.
  const ByteMatrix bytes = skewed_matrix(64, 6, 0.6, 2e6, 0.75);
  const TaskGraph graph = staggered({.legs = {{.bytes = bytes}}}, 6);
  const auto pairwise = run_alone(larger, {.fidelity = Fidelity::kPairwise}, graph, 1);
  const auto fluid = run_alone(larger, {.fidelity = Fidelity::kFluid, .tolerance = 0}, graph, 1);
  for (std::size_t gpu = 0; gpu < fluid.size(); ++gpu)
    EXPECT_NEAR(fluid[gpu], pairwise[gpu], 1e-6 * pairwise[gpu]) << "gpu " << gpu;
}

// Nodes change places, and GPUs inside all nodes alike: the same cluster by other names.
TEST_F(Fidelities, RenamingGpusRenamesTheirTimes) {
  const Cluster larger = build_cluster(test_spec(4), "rail_optimized");
  const auto renamed = [](int gpu) { return (gpu / 8 * 3 + 1) % 4 * 8 + (gpu % 8 * 5 + 2) % 8; };
  for (const RouteRule rule : {RouteRule::kDirect, RouteRule::kPxn, RouteRule::kSourceRail}) {
    const ByteMatrix bytes = skewed_matrix(32, 11, 0.8, 2e6);
    ByteMatrix other(32, 32);
    for (int source = 0; source < 32; ++source)
      for (int target = 0; target < 32; ++target)
        other(GpuId(renamed(source)), GpuId(renamed(target))) = bytes(GpuId(source), GpuId(target));
    for (const Fidelity fidelity : {Fidelity::kFluid, Fidelity::kAggregated}) {
      const NetworkOptions options{.fidelity = fidelity, .tolerance = 0};
      const auto ends =
          run_alone(larger, options, exchange_graph({.legs = {{.bytes = bytes, .rule = rule}}}), 0);
      const auto there =
          run_alone(larger, options, exchange_graph({.legs = {{.bytes = other, .rule = rule}}}), 0);
      for (int gpu = 0; gpu < 32; ++gpu) {
        const double end = ends[static_cast<std::size_t>(gpu)];
        EXPECT_NEAR(there[static_cast<std::size_t>(renamed(gpu))], end, 1e-9 * end)
            << to_string(fidelity) << " rule " << static_cast<int>(rule) << " gpu " << gpu;
      }
    }
  }
}

TEST_F(Fidelities, AStepOfFluidIsWithinHalfAPercentWithAndWithoutWindows) {
  const Cluster larger = build_cluster(test_spec(4), "rail_optimized");
  for (const int window : {0, 8}) {
    TaskGraph graph;
    std::vector<int> after;
    for (std::uint64_t layer = 1; layer <= 6; ++layer) {
      Exchange exchange{.legs = {{.bytes = skewed_matrix(32, layer, 0.8, 2e6)}}};
      exchange.schedule.window = window;
      const int dispatch = graph.add(exchange, after);
      const int experts = graph.add(compute(32, {{static_cast<int>(layer), 300e-6}}), {dispatch});
      after = {graph.add(std::move(exchange), {experts})};
    }
    const double exact = latest(run_alone(larger, {.tolerance = 0}, graph, after.front()));
    const double quick = latest(run_alone(larger, {.tolerance = 0.01}, graph, after.front()));
    EXPECT_NEAR(quick, exact, 0.005 * exact) << "window " << window;
  }
}

TEST_F(Fidelities, FluidStaysWithinItsTolerance) {
  const Cluster larger = build_cluster(test_spec(4), "rail_optimized");
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const TaskGraph graph = staggered(random_exchange(larger, seed), seed);
    const auto exact = run_alone(larger, {.tolerance = 0}, graph, 1);
    const auto quick = run_alone(larger, {.tolerance = 0.01}, graph, 1);
    EXPECT_NEAR(latest(quick), latest(exact), 0.01 * latest(exact)) << seed;
    for (std::size_t gpu = 0; gpu < exact.size(); ++gpu)
      EXPECT_NEAR(quick[gpu], exact[gpu], 0.02 * latest(exact)) << seed << " gpu " << gpu;
  }
}

TEST_F(Fidelities, AggregatedStaysWithinFivePercentOfFluid) {
  const Cluster larger = build_cluster(test_spec(4), "rail_optimized");
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    Exchange exchange = random_exchange(larger, seed);
    // Whole nodes are served at once, so that windows mean something else.
    exchange.schedule.window = 0;
    const TaskGraph graph = staggered(std::move(exchange), seed);
    const auto fluid = run_alone(larger, {.tolerance = 0}, graph, 1);
    const auto aggregated =
        run_alone(larger, {.fidelity = Fidelity::kAggregated, .tolerance = 0.003}, graph, 1);
    EXPECT_NEAR(latest(aggregated), latest(fluid), 0.05 * latest(fluid)) << seed;
  }
}

TEST_F(Fidelities, NoneBeatsTheWire) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const Exchange exchange = random_exchange(cluster, seed);
    const double bound = wire_bound(cluster, exchange);
    for (const Fidelity fidelity :
         {Fidelity::kPairwise, Fidelity::kFluid, Fidelity::kAggregated, Fidelity::kAnalytic}) {
      const auto ends = run_alone(cluster, {.fidelity = fidelity, .tolerance = 0.01},
                                  exchange_graph(exchange), 0);
      EXPECT_GE(latest(ends), bound * (1 - 1e-9)) << to_string(fidelity) << " " << seed;
    }
  }
}

TEST_F(Fidelities, AnalyticTakesTheBoundAndTheLongestLatencyAfterTheLastStart) {
  // 5 MB to 8 over a leaf's way up of 25 GB/s: 200 us. GPU 3 is ready after 70 us.
  TaskGraph graph;
  const int kernel = graph.add(compute(16, {{3, 70e-6}}));
  graph.add(Exchange{.legs = {{.bytes = matrix_of(16, {{0, 8, 5e6}, {0, 1, 1e6}})}}}, {kernel});
  const auto ends = run_alone(cluster, {.fidelity = Fidelity::kAnalytic}, graph, 1);
  const double latency = cluster.route(GpuId(0), GpuId(8), RouteRule::kDirect).latency.value;
  for (const double end : ends) EXPECT_NEAR(end, 70e-6 + latency + 200e-6, 1e-15);
}

// Two GPUs of a pipeline stage send each other 450 MB, each over its port in 1 ms and two hops of
// 1 us; the others have no part in it.
TEST_F(Fidelities, AnalyticWaitsForTheMembersOfGroupsOnly) {
  const Cluster cluster = build_cluster(test_spec(1), "nvlink_domain");
  Exchange exchange{.legs = {{.bytes = matrix_of(8, {{2, 5, 450e6}, {5, 2, 450e6}})}},
                    .groups = {{GpuId(2), GpuId(5)}}};
  const auto ends =
      run_alone(cluster, {.fidelity = Fidelity::kAnalytic}, exchange_graph(std::move(exchange)), 0);
  for (const std::size_t gpu : {0, 1, 3, 4, 6, 7}) EXPECT_EQ(ends[gpu], 0);
  for (const std::size_t gpu : {2, 5}) EXPECT_NEAR(ends[gpu], 1e-3, 3e-6);
}

TEST_F(Fidelities, AnalyticLetsTwoProducersTakeTurnsOnALink) {
  const auto ends = in_child([&] {
    RecordingProducer first, second;
    for (RecordingProducer* producer : {&first, &second})
      producer->fragments.push_back(
          exchange_graph({.legs = {{.bytes = matrix_of(16, {{0, 1, 9e6}})}}}));
    Engine engine(cluster, {.fidelity = Fidelity::kAnalytic});
    engine.add(first);
    engine.add(second);
    engine.run();
    return std::vector<double>{first.end(0, 1), second.end(0, 1)};
  });
  const double latency = cluster.route(GpuId(0), GpuId(1), RouteRule::kDirect).latency.value;
  ASSERT_EQ(ends.size(), 2u);
  EXPECT_NEAR(ends[0], latency + 20e-6, 1e-15);
  EXPECT_NEAR(ends[1], latency + 40e-6, 1e-15);
}

TEST_F(Fidelities, AnAggregatedReceiverDoesNotWaitForItsNode) {
  // 0 sends 1, 2 and 3 MB to three GPUs of the other node at 50 GB/s: shared equally they have them
  // after 3, 5 and 6 MB.
  ClusterSpec spec = test_spec(2);
  spec.nic_latency = spec.switch_latency = spec.nvlink_latency = Seconds(0);
  const Cluster instant = build_cluster(spec, "rail_optimized");
  const TaskGraph graph = exchange_graph(
      {.legs = {{.bytes = matrix_of(16, {{0, 9, 1e6}, {0, 10, 2e6}, {0, 11, 3e6}})}}});
  const auto ends =
      run_alone(instant, {.fidelity = Fidelity::kAggregated, .tolerance = 0}, graph, 0);
  EXPECT_NEAR(ends[9], 60e-6, 1e-12);
  EXPECT_NEAR(ends[10], 100e-6, 1e-12);
  EXPECT_NEAR(ends[11], 120e-6, 1e-12);
}

}  // namespace
}  // namespace moesim
