// What each GPU waits for in an exchange, on 16 GPUs: nodes 0–7 and 8–15. Links without latency,
// NIC 50 GB/s, NVLink 450 GB/s, 132 SMs.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/engine_runs.hpp"

namespace moesim {
namespace {

constexpr int kGpus = 16;
ClusterSpec instant_spec(Seconds latency = Seconds(0)) {
  ClusterSpec spec = test_spec(2);
  spec.nic_latency = spec.switch_latency = spec.nvlink_latency = latency;
  return spec;
}

class ExchangeSemantics : public ::testing::Test {
 protected:
  Cluster cluster = build_cluster(instant_spec(), "rail_optimized");

  std::vector<double> ends_of(const TaskGraph& graph, int node) const {
    return run_alone(cluster, kExact, graph, node);
  }
};

Exchange one_leg(const std::vector<std::tuple<int, int, double>>& entries) {
  Exchange exchange;
  exchange.legs.push_back({.bytes = matrix_of(kGpus, entries)});
  return exchange;
}

// 5 MB from GPU 0 to GPU 8 over NICs (100 us), forwarded as 9 MB over NVLink to GPU 9 (20 us).
Exchange chain(Coupling coupling) {
  Exchange exchange = one_leg({{0, 8, 5e6}});
  exchange.legs.push_back({.bytes = matrix_of(kGpus, {{8, 9, 9e6}})});
  exchange.coupling = coupling;
  return exchange;
}

TEST_F(ExchangeSemantics, StoreAndForwardTakesTheSumOfItsLegs) {
  const auto ends = ends_of(exchange_graph(chain(Coupling::kStoreAndForward)), 0);
  EXPECT_NEAR(ends[8], 100e-6, 1e-15);
  EXPECT_NEAR(ends[9], 120e-6, 1e-15);
}

TEST_F(ExchangeSemantics, CutThroughTakesTheLongestOfItsLegs) {
  const auto ends = ends_of(exchange_graph(chain(Coupling::kCutThrough)), 0);
  EXPECT_NEAR(ends[9], 100e-6, 1e-15);
  Exchange slow_forward = chain(Coupling::kCutThrough);
  slow_forward.legs[1].bytes(GpuId(8), GpuId(9)) = 90e6;
  EXPECT_NEAR(ends_of(exchange_graph(slow_forward), 0)[9], 200e-6, 1e-15);
}

TEST_F(ExchangeSemantics, WaitsForItsOwnTokensForItsNodeOrForAll) {
  Exchange exchange = one_leg({{0, 8, 5e6}, {1, 9, 10e6}, {8, 0, 15e6}});
  exchange.wait_for = WaitFor::kOwn;
  auto ends = ends_of(exchange_graph(exchange), 0);
  EXPECT_NEAR(ends[8], 100e-6, 1e-15);
  EXPECT_NEAR(ends[9], 200e-6, 1e-15);
  EXPECT_EQ(ends[10], 0);
  exchange.wait_for = WaitFor::kNode;
  ends = ends_of(exchange_graph(exchange), 0);
  EXPECT_NEAR(ends[8], 200e-6, 1e-15);
  EXPECT_NEAR(ends[10], 200e-6, 1e-15);
  EXPECT_NEAR(ends[3], 300e-6, 1e-15);
  exchange.wait_for = WaitFor::kAll;
  for (const double end : ends_of(exchange_graph(exchange), 0)) EXPECT_NEAR(end, 300e-6, 1e-15);
}

// A kernel of 70 us on GPU 3 alone, then the exchange.
TaskGraph after_straggler(Exchange exchange) {
  TaskGraph graph;
  const int kernel = graph.add(compute(kGpus, {{3, 70e-6}}));
  graph.add(std::move(exchange), {kernel});
  return graph;
}

TEST_F(ExchangeSemantics, AStragglerHoldsUpOnlyThoseItSendsTo) {
  const auto ends = ends_of(after_straggler(one_leg({{3, 11, 5e6}, {0, 8, 5e6}})), 1);
  EXPECT_NEAR(ends[8], 100e-6, 1e-15);
  EXPECT_NEAR(ends[11], 170e-6, 1e-15);
  EXPECT_EQ(ends[5], 0);
}

TEST_F(ExchangeSemantics, ARendezvousHoldsUpEverybodyThenNotifyAndStartUpPass) {
  Exchange exchange = one_leg({{0, 8, 5e6}});
  exchange.rendezvous = true;
  exchange.notify = Seconds(30e-6);
  exchange.start_up = Seconds(10e-6);
  const auto ends = ends_of(after_straggler(exchange), 1);
  EXPECT_NEAR(ends[8], 210e-6, 1e-15);
  EXPECT_NEAR(ends[5], 110e-6, 1e-15);
}

// Groups {0, 3, 8}, {1, 9}; GPU 3 comes 70 us late.
Exchange of_two_groups() {
  Exchange exchange = one_leg({{0, 8, 5e6}, {1, 9, 10e6}});
  exchange.groups = {{GpuId(0), GpuId(3), GpuId(8)}, {GpuId(1), GpuId(9)}};
  return exchange;
}

TEST_F(ExchangeSemantics, ARendezvousHoldsUpTheOwnGroupOnly) {
  Exchange exchange = of_two_groups();
  exchange.rendezvous = true;
  const auto ends = ends_of(after_straggler(exchange), 1);
  EXPECT_NEAR(ends[0], 70e-6, 1e-15);
  EXPECT_NEAR(ends[8], 170e-6, 1e-15);
  EXPECT_NEAR(ends[9], 200e-6, 1e-15);
  EXPECT_EQ(ends[2], 0);
}

TEST_F(ExchangeSemantics, WaitsForTheOwnGroupOnly) {
  Exchange exchange = of_two_groups();
  exchange.wait_for = WaitFor::kAll;
  auto ends = ends_of(exchange_graph(exchange), 0);
  EXPECT_NEAR(ends[0], 100e-6, 1e-15);
  EXPECT_NEAR(ends[1], 200e-6, 1e-15);
  EXPECT_EQ(ends[10], 0);
  exchange.wait_for = WaitFor::kNode;
  ends = ends_of(exchange_graph(exchange), 0);
  EXPECT_EQ(ends[0], 0);
  EXPECT_NEAR(ends[8], 100e-6, 1e-15);
  EXPECT_NEAR(ends[9], 200e-6, 1e-15);
}

TEST_F(ExchangeSemantics, SignalsComeFromTheOwnGroupOnly) {
  const Cluster slow = build_cluster(instant_spec(Seconds(1e-6)), "rail_optimized");
  Exchange exchange = of_two_groups();
  exchange.signals = true;
  const auto ends = run_alone(slow, kExact, after_straggler(exchange), 1);
  const auto latency = [&](int source, int target) {
    return slow.route(GpuId(source), GpuId(target), RouteRule::kDirect).latency.value;
  };
  EXPECT_NEAR(ends[0], 70e-6 + latency(3, 0), 1e-15);
  EXPECT_NEAR(ends[1], latency(9, 1), 1e-15);
  EXPECT_EQ(ends[5], 0);
}

TEST_F(ExchangeSemantics, SelfTrafficIsThereAfterTheStartUpAndUsesNoLink) {
  Exchange exchange = one_leg({{4, 4, 1e12}});
  exchange.start_up = Seconds(10e-6);
  EXPECT_NEAR(ends_of(exchange_graph(exchange), 0)[4], 10e-6, 1e-18);
}

TEST_F(ExchangeSemantics, ASignalComesFromEveryRankAfterItsLatency) {
  const Cluster slow = build_cluster(instant_spec(Seconds(1e-6)), "rail_optimized");
  Exchange exchange = one_leg({{0, 8, 5e6}});
  exchange.signals = true;
  const auto ends = run_alone(slow, kExact, after_straggler(exchange), 1);
  const auto latency = [&](int source, int target) {
    return slow.route(GpuId(source), GpuId(target), RouteRule::kDirect).latency.value;
  };
  EXPECT_NEAR(ends[5], 70e-6 + latency(3, 5), 1e-15);
  EXPECT_NEAR(ends[12], 70e-6 + latency(3, 12), 1e-15);
  EXPECT_NEAR(ends[8], latency(0, 8) + 100e-6, 1e-15);
}

TEST_F(ExchangeSemantics, TakingSmsSlowsOnlyTheComputePartOfKernelsBesideIt) {
  // 0 sends 5 MB: 100 us with 33 of 132 SMs taken on 0 and 8. The kernel on 0 has 90 us of compute
  // (120 us while slowed) and 30 us of memory: 150 us if slowed to its end. By 100 us two thirds
  // are done; the last third takes 40 us at full speed.
  Exchange exchange = one_leg({{0, 8, 5e6}});
  exchange.sms = 33;
  exchange.wait_for = WaitFor::kAll;
  TaskGraph graph;
  graph.add(std::move(exchange));
  Compute kernel{.time = IdVector<GpuId, KernelTime>(kGpus)};
  kernel.time[GpuId(0)] = {.compute = Seconds(90e-6), .memory = Seconds(30e-6)};
  kernel.time[GpuId(1)] = {.compute = Seconds(0), .memory = Seconds(120e-6)};
  const int beside = graph.add(std::move(kernel));
  const auto ends = ends_of(graph, beside);
  EXPECT_NEAR(ends[0], 140e-6, 1e-15);
  EXPECT_NEAR(ends[1], 120e-6, 1e-15);
}

TEST_F(ExchangeSemantics, TellsWhenAGpuWasBusyWithIt) {
  // 0 → 8 from 0 to 100 us; 3, late by 150 us, → 8 from 150 to 250 us: two stretches on 8.
  const auto spans = in_child([&] {
    RecordingProducer producer;
    TaskGraph graph;
    const int kernel = graph.add(compute(kGpus, {{3, 150e-6}}));
    graph.add(one_leg({{0, 8, 5e6}, {3, 8, 5e6}}), {kernel});
    producer.fragments.push_back(graph);
    Engine engine(cluster, kExact);
    engine.add(producer);
    engine.run();
    std::vector<double> numbers;
    for (const Span& span : producer.spans) {
      if (span.stream != -1) continue;
      numbers.push_back(span.gpu.value);
      numbers.push_back(span.begin.value);
      numbers.push_back(span.end.value);
    }
    return numbers;
  });
  const std::vector<double> expected = {0, 0,      100e-6, 8, 0,      100e-6,
                                        3, 150e-6, 250e-6, 8, 150e-6, 250e-6};
  ASSERT_EQ(spans.size(), expected.size());
  for (std::size_t at = 0; at < spans.size(); ++at) EXPECT_NEAR(spans[at], expected[at], 1e-12);
}

}  // namespace
}  // namespace moesim
