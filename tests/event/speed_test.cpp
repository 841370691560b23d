// Slow and jittering GPUs, as conditions and in a task graph.
#include <gtest/gtest.h>

#include <cmath>

#include "sim/conditioned_graph.hpp"
#include "tests/event/scenario_with_events.hpp"

namespace moesim {
namespace {

// A kernel of 2 s of compute and 1 s of memory time on 16 GPUs.
TaskGraph one_kernel(int step = 0) {
  TaskGraph graph{.step = step};
  graph.add(Compute{
      .time = IdVector<GpuId, KernelTime>(16, {.compute = Seconds(2), .memory = Seconds(1)})});
  return graph;
}

IdVector<GpuId, KernelTime> times_under(const Scenario& scenario, int step, int layer = 0) {
  TaskGraph graph = one_kernel(step);
  apply_conditions(graph, layer, conditions_at(scenario, step), *scenario.cluster,
                   Random(scenario.seed));
  return std::get<Compute>(graph.nodes[0].operation).time;
}

TEST(SlowGpu, TakesLongerByItsSpeedWhileTheEventLasts) {
  const Scenario scenario = scenario_with_events(
      "[{kind: slow_gpu, gpu: [3, 5], speed: 0.5, memory_speed: 0.8, from: 4, until: 7}]");
  for (const int step : {4, 6}) {
    const auto times = times_under(scenario, step);
    EXPECT_DOUBLE_EQ(times[GpuId(3)].compute.value, 4);
    EXPECT_DOUBLE_EQ(times[GpuId(5)].memory.value, 1.25);
    EXPECT_DOUBLE_EQ(times[GpuId(4)].total().value, 3);
  }
  for (const int step : {-1, 3, 7})
    EXPECT_DOUBLE_EQ(times_under(scenario, step)[GpuId(3)].total().value, 3);
}

TEST(SlowGpu, MultipliesWithOtherEvents) {
  const Scenario scenario = scenario_with_events(
      "[{kind: slow_gpu, gpu: 0, speed: 0.5}, {kind: slow_gpu, gpu: 0, speed: 0.5, from: 1}]");
  EXPECT_DOUBLE_EQ(times_under(scenario, 0)[GpuId(0)].compute.value, 4);
  EXPECT_DOUBLE_EQ(times_under(scenario, 1)[GpuId(0)].compute.value, 8);
}

TEST(Jitter, ChangesNothingWithoutADeviation) {
  const Scenario scenario = scenario_with_events("[{kind: jitter, sigma: 0}]");
  for (const KernelTime& time : times_under(scenario, 3)) EXPECT_EQ(time.total().value, 3);
}

// exp(σN − σ²/2) has the mean 1 and a logarithm of deviation σ.
TEST(Jitter, IsLogNormalAroundTheSameMean) {
  const Scenario scenario = scenario_with_events("[{kind: jitter, sigma: 0.2}]");
  double sum = 0, logs = 0, squares = 0, count = 0;
  for (int layer = 0; layer < 200; ++layer)
    for (const KernelTime& time : times_under(scenario, 0, layer)) {
      const double factor = time.total().value / 3;
      sum += factor, ++count;
      logs += std::log(factor), squares += std::log(factor) * std::log(factor);
    }
  EXPECT_NEAR(sum / count, 1, 4 * 0.2 / std::sqrt(count));
  EXPECT_NEAR(std::sqrt(squares / count - logs / count * logs / count), 0.2, 0.01);
}

TEST(Jitter, DependsOnStepLayerAndGpuAndOnNothingElse) {
  const Scenario scenario = scenario_with_events("[{kind: jitter, sigma: 0.2}]");
  const auto times = times_under(scenario, 2, 1);
  EXPECT_EQ(times_under(scenario, 2, 1)[GpuId(7)].compute, times[GpuId(7)].compute);
  EXPECT_NE(times[GpuId(6)].compute, times[GpuId(7)].compute);
  EXPECT_NE(times_under(scenario, 3, 1)[GpuId(7)].compute, times[GpuId(7)].compute);
  EXPECT_NE(times_under(scenario, 2, 2)[GpuId(7)].compute, times[GpuId(7)].compute);
}

TEST(Jitter, ConcernsTheGpusThatItNames) {
  const Scenario scenario = scenario_with_events("[{kind: jitter, sigma: 0.2, gpu: 7}]");
  const auto times = times_under(scenario, 2);
  EXPECT_NE(times[GpuId(7)].total().value, 3);
  EXPECT_EQ(times[GpuId(6)].total().value, 3);
}

// GPU 1 of the first node has failed: what it would forward goes through GPU 2.
TEST(DeadGpuInAGraph, TakesNoPartInExchangesAndIsReplacedAsARelay) {
  const Scenario scenario = scenario_with_events("[{kind: gpu_failure, gpu: 1}]");
  ByteMatrix bytes(16, 16);
  bytes(GpuId(9), GpuId(1)) = 5;
  bytes(GpuId(1), GpuId(2)) = 3;
  bytes(GpuId(1), GpuId(1)) = 2;
  bytes(GpuId(4), GpuId(5)) = 1;
  TaskGraph graph = one_kernel();
  graph.add(Exchange{.legs = {{.bytes = bytes}}});
  apply_conditions(graph, 0, conditions_at(scenario, 0), *scenario.cluster, Random(1));
  EXPECT_EQ(std::get<Compute>(graph.nodes[0].operation).time[GpuId(1)].total().value, 0);
  const Exchange& exchange = std::get<Exchange>(graph.nodes[1].operation);
  ASSERT_EQ(exchange.groups.size(), 1U);
  EXPECT_EQ(exchange.groups[0].size(), 15U);
  const ByteMatrix& left = exchange.legs[0].bytes;
  EXPECT_EQ(left(GpuId(9), GpuId(2)), 5);
  EXPECT_EQ(left(GpuId(2), GpuId(2)), 5);  // what was for GPU 2 and for GPU 1 itself
  EXPECT_EQ(left(GpuId(4), GpuId(5)), 1);
  for (const GpuId other : left.row_ids()) {
    EXPECT_EQ(left(GpuId(1), other), 0);
    EXPECT_EQ(left(other, GpuId(1)), 0);
  }
}

}  // namespace
}  // namespace moesim
