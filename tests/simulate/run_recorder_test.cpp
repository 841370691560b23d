#include "sim/run_recorder.hpp"

#include <gtest/gtest.h>

#include "sim/hot_spots.hpp"
#include "tests/support/clusters.hpp"

namespace moesim {
namespace {

double phase_of(const StepRecord& step, Phase phase) {
  return step.breakdown[static_cast<std::size_t>(phase)];
}

Cluster two_gpus() {
  ClusterSpec spec = test_spec(1);
  spec.gpus_per_node = spec.nics_per_node = 2;
  return build_cluster(spec, "rail_optimized");
}

// Two GPUs, one MoE layer with two experts.
Scenario small_scenario(const Cluster& cluster) {
  Scenario scenario;
  scenario.cluster = std::make_shared<Cluster>(cluster);
  scenario.model.layers = 1;
  scenario.model.moe_layers = {0};
  scenario.model.experts = 2;
  return scenario;
}

LayerLoad load_of(double first, double second) {
  return {.gpu = {first, second}, .expert = {first, second}, .tokens = 8, .routes = 8, .rows = 8};
}

Span make_span(int gpu, int stream, Phase phase, double begin, double end, int step = 0) {
  return {.gpu = GpuId(gpu),
          .stream = stream,
          .phase = phase,
          .begin = Seconds(begin),
          .end = Seconds(end),
          .step = step,
          .layer = 0};
}

TEST(RunRecorder, GivesEachInstantToTheKernelThenTheFlowThenTheWait) {
  const Scenario scenario = small_scenario(two_gpus());
  RunRecorder recorder(scenario, 0);
  recorder.layer_built(0, 0, load_of(6, 2));
  recorder.span(make_span(0, -1, Phase::kDispatch, 1, 4));
  recorder.span(make_span(0, 0, Phase::kExperts, 3, 6));
  recorder.span(make_span(0, 1, Phase::kShared, 0, 3.5));
  recorder.span(make_span(1, 0, Phase::kExperts, 2, 3));
  recorder.step_ended(0, Seconds(10));
  RunResult result;
  recorder.finish(result);
  ASSERT_EQ(result.steps.size(), 1u);
  const StepRecord& step = result.steps[0];
  EXPECT_DOUBLE_EQ(step.seconds, 10);
  // GPU 0: shared 0–3 (stream 1 until the main stream starts), experts 3–6, wait 6–10; its flow is
  // hidden. GPU 1: experts 1 s, wait 9 s.
  EXPECT_DOUBLE_EQ(phase_of(step, Phase::kShared), 1.5);
  EXPECT_DOUBLE_EQ(phase_of(step, Phase::kExperts), 2);
  EXPECT_DOUBLE_EQ(phase_of(step, Phase::kDispatch), 0);
  EXPECT_DOUBLE_EQ(phase_of(step, Phase::kWait), 6.5);
  EXPECT_DOUBLE_EQ(result.gpu_records[0].busy, 0.6);
  EXPECT_DOUBLE_EQ(result.gpu_use, 0.35);
}

// GPU 0: dispatches from 1 to 4 and 3 to 5 (under way 4 s), a combine from 4 to 8, kernels from 2
// to 3 on the main stream and from 4.5 to 6 on another; planning of a migration from 9 to 10.
TEST(RunRecorder, SaysHowMuchOfAGpusCommunicationKernelsHide) {
  const Scenario scenario = small_scenario(two_gpus());
  RunRecorder recorder(scenario, 0);
  recorder.layer_built(0, 0, load_of(4, 4));
  recorder.span(make_span(0, -1, Phase::kDispatch, 1, 4));
  recorder.span(make_span(0, -1, Phase::kDispatch, 3, 5));
  recorder.span(make_span(0, -1, Phase::kCombine, 4, 8));
  recorder.span(make_span(0, 0, Phase::kExperts, 2, 3));
  recorder.span(make_span(0, 1, Phase::kShared, 4.5, 6));
  recorder.span(make_span(0, 0, Phase::kMigration, 9, 10));
  recorder.step_ended(0, Seconds(12));
  RunResult result;
  recorder.finish(result);
  const CommunicationRecord& record = result.steps[0].communication;
  const auto at = [](const PhaseSeconds& seconds, Phase phase) {
    return 2 * seconds[static_cast<std::size_t>(phase)];  // GPU 1 has none
  };
  EXPECT_DOUBLE_EQ(at(record.under_way, Phase::kDispatch), 4);
  EXPECT_DOUBLE_EQ(at(record.hidden, Phase::kDispatch), 1.5);
  EXPECT_DOUBLE_EQ(at(record.under_way, Phase::kCombine), 4);
  EXPECT_DOUBLE_EQ(at(record.hidden, Phase::kCombine), 1.5);
  EXPECT_DOUBLE_EQ(at(record.under_way, Phase::kMigration), 1);
  EXPECT_DOUBLE_EQ(at(record.hidden, Phase::kMigration), 0);
  // From 1 to 8 and from 9 to 10, of which 2.5 s beside kernels: what the breakdown has, too.
  EXPECT_DOUBLE_EQ(2 * record.any_under_way, 8);
  EXPECT_DOUBLE_EQ(2 * record.any_hidden, 2.5);
  double exposed = 0;
  for (const Phase phase : {Phase::kDispatch, Phase::kCombine, Phase::kMigration})
    exposed += phase_of(result.steps[0], phase);
  EXPECT_DOUBLE_EQ(exposed, record.any_under_way - record.any_hidden);
}

// The end of the first step, at 5 s, divides a dispatch and the kernel beside it.
TEST(RunRecorder, CutsCommunicationWhereAStepEnds) {
  const Scenario scenario = small_scenario(two_gpus());
  RunRecorder recorder(scenario, 0);
  for (int step = 0; step < 2; ++step) recorder.layer_built(step, 0, load_of(4, 4));
  recorder.span(make_span(1, -1, Phase::kDispatch, 2, 8));
  recorder.span(make_span(1, 0, Phase::kExperts, 4, 7));
  recorder.step_ended(0, Seconds(5));
  recorder.step_ended(1, Seconds(9));
  RunResult result;
  recorder.finish(result);
  EXPECT_DOUBLE_EQ(2 * result.steps[0].communication.any_under_way, 3);
  EXPECT_DOUBLE_EQ(2 * result.steps[0].communication.any_hidden, 1);
  EXPECT_DOUBLE_EQ(2 * result.steps[1].communication.any_under_way, 3);
  EXPECT_DOUBLE_EQ(2 * result.steps[1].communication.any_hidden, 2);
}

TEST(RunRecorder, CutsAStretchThatCrossesTheEndOfAStep) {
  const Scenario scenario = small_scenario(two_gpus());
  RunRecorder recorder(scenario, 0);
  for (int step = 0; step < 2; ++step) recorder.layer_built(step, 0, load_of(4, 4));
  recorder.span(make_span(0, 0, Phase::kAttention, 0, 3));
  recorder.step_ended(0, Seconds(5));
  recorder.span(make_span(0, 0, Phase::kAttention, 4, 7, 1));  // GPU 0 ran ahead of GPU 1
  recorder.step_ended(1, Seconds(8));
  RunResult result;
  recorder.finish(result);
  ASSERT_EQ(result.steps.size(), 2u);
  EXPECT_DOUBLE_EQ(phase_of(result.steps[0], Phase::kAttention), (3 + 1) / 2.0);
  EXPECT_DOUBLE_EQ(phase_of(result.steps[1], Phase::kAttention), 2 / 2.0);
  EXPECT_DOUBLE_EQ(result.steps[1].seconds, 3);
}

TEST(RunRecorder, LeavesWarmUpStepsOut) {
  const Scenario scenario = small_scenario(two_gpus());
  RunRecorder recorder(scenario, 1);
  recorder.layer_built(0, 0, load_of(8, 0));
  recorder.layer_built(1, 0, load_of(4, 4));
  recorder.step_ended(0, Seconds(5));
  recorder.step_ended(1, Seconds(7));
  RunResult result;
  recorder.finish(result);
  ASSERT_EQ(result.steps.size(), 1u);
  EXPECT_EQ(result.steps[0].step, 0);
  EXPECT_DOUBLE_EQ(result.steps[0].seconds, 2);
  EXPECT_DOUBLE_EQ(result.layers[0].imbalance.gpu_max_over_mean, 1);
  EXPECT_DOUBLE_EQ(result.gpu_records[0].routes, 4);
}

TEST(HotSpotCandidates, KeepTheWorstStepOfEachLayerByLoadAboveTheMean) {
  HotSpotCandidates candidates;
  candidates.consider(0, 0, load_of(6, 2), nullptr);  // 2 above the mean
  candidates.consider(1, 0, load_of(1, 7), nullptr);  // 3 above
  candidates.consider(0, 1, load_of(5, 3), nullptr);  // 1 above
  ASSERT_EQ(candidates.worst().size(), 2u);
  EXPECT_EQ(candidates.worst()[0].layer, 0);
  EXPECT_EQ(candidates.worst()[0].step, 1);
  EXPECT_EQ(candidates.worst()[0].gpu, 1);
  EXPECT_DOUBLE_EQ(candidates.worst()[0].excess, 3);
}

}  // namespace
}  // namespace moesim
