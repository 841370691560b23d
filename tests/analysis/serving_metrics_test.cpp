// The metrics of serving, on three requests worked out by hand.
#include "analysis/serving_metrics.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/analysis/serving_example.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr double kNear = 1e-12;

ServingMetrics metrics_of(const ServingResult& result, const ServiceTargets& targets = {}) {
  return compute_serving_metrics(result, targets);
}

TEST(ServingMetrics, TakeLatenciesFromArrivals) {
  const ServiceMetrics all = metrics_of(three_requests()).all;
  EXPECT_EQ(all.requests, 3);
  EXPECT_EQ(all.finished, 3);
  // TTFT 1, 2 and 3 s.
  EXPECT_NEAR(all.ttft.mean, 2, kNear);
  EXPECT_NEAR(all.ttft.p90, 2.8, kNear);
  EXPECT_NEAR(all.ttft.p99, 2.98, kNear);
  EXPECT_EQ(all.ttft.max, 3);
  // End to end 3, 8 and 3 s, per token 1, 2 and 3 s.
  EXPECT_NEAR(all.e2e.mean, 14.0 / 3, kNear);
  EXPECT_NEAR(all.e2e.p50, 3, kNear);
  EXPECT_NEAR(all.e2e.p90, 7, kNear);
  EXPECT_NEAR(all.normalized.mean, 2, kNear);
  EXPECT_NEAR(all.queueing.mean, 2.0 / 3, kNear);
}

TEST(ServingMetrics, HaveNoTpotForAnAnswerOfOneToken) {
  const ServiceMetrics all = metrics_of(three_requests()).all;
  EXPECT_EQ(all.tpot.count, 2);
  EXPECT_NEAR(all.tpot.mean, 1.5, kNear);
  EXPECT_NEAR(all.tpot.p95, 1.95, kNear);
  // Every gap counts: two of 1 s and three of 2 s.
  EXPECT_EQ(all.itl.count, 5);
  EXPECT_NEAR(all.itl.mean, 1.6, kNear);
  EXPECT_NEAR(all.itl.p50, 2, kNear);
}

TEST(ServingMetrics, DivideByTheTimeOfTheRun) {
  const ServingMetrics metrics = metrics_of(three_requests());
  EXPECT_NEAR(metrics.all.requests_per_s, 0.3, kNear);
  EXPECT_NEAR(metrics.all.input_tokens_per_s, 40, kNear);
  EXPECT_NEAR(metrics.all.output_tokens_per_s, 0.8, kNear);
  EXPECT_NEAR(metrics.output_tokens_per_s_per_gpu, 0.2, kNear);
  EXPECT_NEAR(metrics.all.prefix_hit_rate, 50.0 / 400, kNear);
  EXPECT_EQ(metrics.all.preemptions, 1);
  EXPECT_EQ(metrics.all.retries, 2);
}

// One is under way before 1 s, two before 2 s, three before 3 s, two before 5 s, one before 9 s.
TEST(ServingMetrics, ObeyLittlesLaw) {
  const ServingMetrics metrics = metrics_of(three_requests());
  EXPECT_NEAR(metrics.under_way_mean, (1 + 2 + 3 + 2 * 2 + 4) / 10.0, kNear);
  EXPECT_NEAR(metrics.under_way_mean, metrics.all.requests_per_s * metrics.all.e2e.mean, kNear);
  EXPECT_EQ(metrics.under_way_max, 3);
}

TEST(ServingMetrics, CountOneThatComesWhenAnotherEndsAsItsSuccessor) {
  ServingResult result = three_requests();
  result.requests.resize(2);
  result.requests[1].arrival = 3;
  EXPECT_EQ(metrics_of(result).under_way_max, 1);
}

TEST(ServingMetrics, CountRequestsThatMeetAllTargets) {
  ServiceTargets targets{.all = {.ttft = Seconds(2), .tpot = Seconds(1.5)}};
  ServingMetrics metrics = metrics_of(three_requests(), targets);
  EXPECT_NEAR(metrics.all.slo_attainment, 1.0 / 3, kNear);  // the second is slow, the third late
  EXPECT_NEAR(metrics.all.goodput, 0.1, kNear);
  targets.classes = {{.name = "batch", .targets = {.tpot = Seconds(1e-9), .e2e = Seconds(3)}}};
  metrics = metrics_of(three_requests(), targets);
  EXPECT_NEAR(metrics.all.slo_attainment, 2.0 / 3, kNear);  // one token has no TPOT to miss
  EXPECT_NEAR(metrics.classes[0].slo_attainment, 0.5, kNear);
  EXPECT_NEAR(metrics.classes[1].goodput, 0.1, kNear);
  EXPECT_TRUE(std::isnan(metrics_of(three_requests()).all.goodput));
}

TEST(ServingMetrics, SplitByClass) {
  const ServingMetrics metrics = metrics_of(three_requests());
  ASSERT_EQ(metrics.classes.size(), 2u);
  EXPECT_EQ(metrics.classes[0].requests, 2);
  EXPECT_EQ(metrics.classes[0].itl.count, 5);
  EXPECT_EQ(metrics.classes[1].name, "batch");
  EXPECT_NEAR(metrics.classes[1].ttft.mean, 3, kNear);
  EXPECT_EQ(metrics.classes[1].itl.count, 0);
  EXPECT_TRUE(std::isnan(metrics.classes[1].tpot.mean));
  ServingResult one = three_requests();
  one.classes.resize(1);
  one.requests.pop_back();
  EXPECT_THAT(metrics_of(one).classes, IsEmpty());
}

TEST(ServingMetrics, LeaveTheWarmUpOut) {
  const ServingMetrics metrics = metrics_of(three_requests(), {.warmup = Seconds(2)});
  EXPECT_EQ(metrics.all.requests, 1);
  EXPECT_EQ(metrics.seconds, 8);
  EXPECT_NEAR(metrics.all.input_tokens_per_s, 12.5, kNear);
  EXPECT_EQ(metrics.all.itl.count, 5);
  // Those that came before are still there: for 1 s and for 7 s of it.
  EXPECT_NEAR(metrics.under_way_mean, (1 + 7 + 3) / 8.0, kNear);
  EXPECT_EQ(metrics.pools[0].steps, 1);
  EXPECT_EQ(metrics_of(three_requests(), {.warmup = Seconds(5)}).all.itl.count, 3);
}

TEST(ServingMetrics, NameWhatDidNotFinish) {
  ServingResult result = three_requests();
  result.requests[2].finished = false;
  result.requests[2].first_token = result.requests[2].end = 0;
  const ServingMetrics metrics = metrics_of(result, {.all = {.ttft = Seconds(2)}});
  EXPECT_EQ(metrics.all.finished, 2);
  EXPECT_NEAR(metrics.all.ttft.mean, 1.5, kNear);
  EXPECT_NEAR(metrics.all.slo_attainment, 2.0 / 3, kNear);         // it meets none
  EXPECT_NEAR(metrics.under_way_mean, (3 + 8 + 8) / 10.0, kNear);  // it waits to the end
  EXPECT_THAT(serving_warnings(result, metrics),
              ElementsAre("1 of 3 requests did not finish: latencies and rates are of the others, "
                          "and these meet no target"));
  EXPECT_THAT(serving_warnings(three_requests(), metrics_of(three_requests())), IsEmpty());
}

TEST(ServingMetrics, NameWhatWasRefused) {
  ServingResult result = three_requests();
  result.notes = {"a note of the run"};
  result.requests[2].finished = false;
  result.requests[2].refused = true;
  const ServingMetrics metrics = metrics_of(result);
  EXPECT_EQ(metrics.all.unfinished(), 0);
  EXPECT_NEAR(metrics.under_way_mean, (3 + 8) / 10.0, kNear);  // it is never under way
  EXPECT_EQ(metrics.all.refused, 1);
  EXPECT_THAT(serving_warnings(result, metrics), ElementsAre("a note of the run"));
}

TEST(ServingMetrics, SayHowLongKvCachesWaitBetweenPools) {
  EXPECT_NEAR(metrics_of(three_requests()).all.kv_waiting.mean, 0.5 / 3, kNear);
}

TEST(ServingMetrics, AreUndefinedWithoutRequests) {
  ServingResult result = three_requests();
  result.requests.clear();
  result.gaps.clear();
  const ServingMetrics metrics = metrics_of(result, {.all = {.ttft = Seconds(2)}});
  EXPECT_TRUE(std::isnan(metrics.all.ttft.p50));
  EXPECT_TRUE(std::isnan(metrics.all.slo_attainment));
  EXPECT_EQ(serving_warnings(result, metrics).size(), 1u);
}

TEST(PoolMetrics, AreMeansOverTime) {
  const PoolMetrics pool = metrics_of(three_requests()).pools[0];
  EXPECT_EQ(pool.steps, 3);
  EXPECT_NEAR(pool.step_time.mean, 7.0 / 3, kNear);
  EXPECT_NEAR(pool.busy, 0.7, kNear);
  EXPECT_NEAR(pool.running_mean, (1 + 2 * 2 + 4) / 10.0, kNear);
  EXPECT_NEAR(pool.waiting_mean, 0.2, kNear);
  EXPECT_NEAR(pool.kv_use_mean, (0.1 + 0.8 + 0.8) / 10, kNear);
  EXPECT_EQ(pool.kv_use_max, 0.4);
  EXPECT_NEAR(pool.gpu_max_over_mean, (1 + 4 + 6) / 7.0, kNear);
  EXPECT_NEAR(pool.tokens_per_step, 85, kNear);
  EXPECT_EQ(pool.stall, 0.5);
  EXPECT_EQ(pool.preemptions, 1);
}

// 1, 1, 2, 2, 2, 5, 7: the 90th percentile stands 0.4 of the way from the 6th to the 7th.
TEST(Distribution, OfCountedValuesIsThatOfTheValuesWrittenOut) {
  const Distribution counted = distribution_of({{7, 1}, {2, 3}, {1, 2}, {5, 1}, {9, 0}});
  const Distribution single = distribution_of(std::vector<double>{2, 7, 1, 2, 5, 1, 2});
  for (const Distribution& all : {counted, single}) {
    EXPECT_EQ(all.count, 7);
    EXPECT_NEAR(all.mean, 20.0 / 7, kNear);
    EXPECT_NEAR(all.p50, 2, kNear);
    EXPECT_NEAR(all.p90, 5.8, kNear);
    EXPECT_NEAR(all.p95, 6.4, kNear);
    EXPECT_EQ(all.max, 7);
  }
}

}  // namespace
}  // namespace moesim
