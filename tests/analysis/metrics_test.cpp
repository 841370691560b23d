#include "analysis/metrics.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/analysis/example_run.hpp"

namespace moesim {
namespace {

TEST(Metrics, ThroughputIsAllTokensOverAllTime) {
  const Metrics metrics = compute_metrics(example_result());
  EXPECT_DOUBLE_EQ(metrics.tokens_per_s, 2000 / 0.040);  // not the mean of 100000 and 33333
  EXPECT_DOUBLE_EQ(metrics.tokens_per_s_per_gpu, 25000);
}

TEST(Metrics, StepTimePercentilesInterpolateLinearly) {
  const StepTimes times = compute_metrics(example_result()).step_time;
  EXPECT_DOUBLE_EQ(times.mean, 0.020);
  EXPECT_DOUBLE_EQ(times.p50, 0.020);
  EXPECT_DOUBLE_EQ(times.p95, 0.010 + 0.95 * 0.020);
  EXPECT_DOUBLE_EQ(times.p99, 0.010 + 0.99 * 0.020);
  EXPECT_DOUBLE_EQ(times.max, 0.030);
}

TEST(Metrics, TheBreakdownSumsToTheMeanStepTime) {
  const Metrics metrics = compute_metrics(example_result());
  double sum = 0;
  for (const double seconds : metrics.breakdown) sum += seconds;
  EXPECT_NEAR(sum, metrics.step_time.mean, 1e-15);
  EXPECT_DOUBLE_EQ(metrics.breakdown[static_cast<std::size_t>(Phase::kExperts)], 0.008);
  EXPECT_DOUBLE_EQ(metrics.straggler_wait_fraction, 0.010 / 0.040);
}

TEST(Metrics, ImbalanceIsTheMeanOfTheStepsRatios) {
  const Metrics metrics = compute_metrics(example_result());
  EXPECT_DOUBLE_EQ(metrics.imbalance.gpu_max_over_mean, 1.3);
  EXPECT_DOUBLE_EQ(metrics.imbalance.expert_max_over_mean, 2.5);
  EXPECT_DOUBLE_EQ(metrics.imbalance.gpu_cv, 0.3);
  EXPECT_DOUBLE_EQ(metrics.imbalance.gpu_gini, 0.1);
  EXPECT_DOUBLE_EQ(metrics.imbalance.balancedness_sglang, 0.7);
  EXPECT_DOUBLE_EQ(metrics.balancedness_vllm, (0.8 + 0.5) / 2);  // not 200 / 325
}

TEST(Metrics, DropsAndPaddingAreCountedOverTheWholeRun) {
  const Metrics metrics = compute_metrics(example_result());
  EXPECT_DOUBLE_EQ(metrics.drop_rate, 400.0 / 8000);
  EXPECT_DOUBLE_EQ(metrics.token_drop_rate, 40.0 / (2000 * 2));  // two MoE layers
  EXPECT_DOUBLE_EQ(metrics.padding_waste, 1 - 7600.0 / 10000);
}

TEST(Metrics, BytesAreMeansPerStepAndMemoryIsThatOfTheFullestGpu) {
  const Metrics metrics = compute_metrics(example_result());
  EXPECT_DOUBLE_EQ(metrics.nvlink_bytes, 4e6);
  EXPECT_DOUBLE_EQ(metrics.network_bytes, 1.5e6);
  EXPECT_DOUBLE_EQ(metrics.migration_bytes, 0);
  EXPECT_DOUBLE_EQ(metrics.memory_bytes_max, 60e9);
}

TEST(Metrics, TokenDropRateIsUndefinedWhereOneStepDoesNotKnowIt) {
  RunResult result = example_result();
  result.steps[1].dropped_tokens_known = false;
  EXPECT_TRUE(std::isnan(compute_metrics(result).token_drop_rate));
}

TEST(Metrics, ARunWithoutStepsHasNoFigures) {
  const Metrics metrics = compute_metrics(RunResult{});
  for (const double value : {metrics.tokens_per_s, metrics.step_time.p99, metrics.drop_rate,
                             metrics.padding_waste, metrics.memory_bytes_max})
    EXPECT_TRUE(std::isnan(value));
}

}  // namespace
}  // namespace moesim
