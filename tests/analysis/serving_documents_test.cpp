// What is written of a serving run: files, the summary, the table.
#include <gmock/gmock.h>

#include <sstream>

#include "analysis/format.hpp"
#include "analysis/latency_series.hpp"
#include "analysis/serving_csv.hpp"
#include "analysis/serving_series.hpp"
#include "analysis/serving_summary.hpp"
#include "tests/analysis/serving_example.hpp"

namespace moesim {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

const ServiceTargets kTargets{.all = {.ttft = Seconds(2), .tpot = Seconds(1.5)}};

TEST(RequestsCsv, HasARowForEachRequest) {
  ServingResult result = three_requests();
  result.classes[1].name = "batch, long";
  result.requests[2].finished = false;
  result.requests[2].end = 0;
  EXPECT_EQ(requests_csv(result, kTargets),
            "id,class,arrival_s,admitted_s,first_token_s,end_s,input_tokens,output_tokens,"
            "cached_tokens,ttft_s,tpot_s,e2e_s,kv_waited_s,preemptions,retries,prefill_rank,"
            "decode_rank,finished,refused,meets_slo\n"
            "0,chat,0,0,1,3,100,3,0,1,1,3,0,0,0,0,0,1,0,1\n"
            "1,chat,1,1,3,9,200,4,50,2,2,8,0.5,1,0,0,1,1,0,0\n"
            "2,\"batch, long\",2,4,5,,100,1,0,,,,0,0,2,0,0,0,0,0\n");
  EXPECT_THAT(requests_csv(result, {}), Not(HasSubstr("meets_slo")));
}

TEST(ServingStepsCsv, HasTheStepsOfEachPool) {
  EXPECT_EQ(serving_steps_csv(three_requests()),
            "pool,begin_s,end_s,steps,step_s_max,running,waiting,kv_use,prompt_tokens,"
            "answer_tokens,gpu_max_over_mean,stall_s,preemptions\n"
            "all,0,1,1,1,1,0,0.1,100,0,1,0,0\n"
            "all,1,3,1,2,2,1,0.4,150,2,2,0.5,1\n"
            "all,5,9,1,4,1,0,0.2,0,3,1.5,0,0\n");
}

// 599 steps of a second, and one from 599 s to 999 s; the last second is idle.
PoolRecord long_run() {
  PoolRecord pool{.name = "all"};
  for (int i = 0; i < 599; ++i)
    pool.steps.push_back({.begin = 1.0 * i,
                          .end = i + 1.0,
                          .prompt_tokens = 10,
                          .running = 4,
                          .gpu_max_over_mean = i % 2 == 0 ? 1.0 : 2.0,
                          .preemptions = 1});
  pool.steps.push_back({.begin = 599,
                        .end = 999,
                        .answer_tokens = 800,
                        .running = 2,
                        .kv_use = 0.5,
                        .gpu_max_over_mean = 3,
                        .stall = 100});
  return pool;
}

TEST(PoolSeries, JoinsManyStepsToPartsOfEqualLength) {
  const std::vector<SeriesPart> parts = pool_series(long_run(), 1000);
  ASSERT_EQ(parts.size(), 500u);
  EXPECT_EQ(parts[3].begin, 6);
  EXPECT_EQ(parts[3].end, 8);
  EXPECT_EQ(parts[3].steps, 2);
  EXPECT_EQ(parts[3].preemptions, 2);
  EXPECT_DOUBLE_EQ(parts[3].prompt_tokens, 20);
  EXPECT_DOUBLE_EQ(parts[3].running, 4);
  EXPECT_DOUBLE_EQ(parts[3].gpu_max_over_mean, 1.5);
}

TEST(PoolSeries, DividesALongStepByTime) {
  const std::vector<SeriesPart> parts = pool_series(long_run(), 1000);
  EXPECT_EQ(parts[299].steps, 2);  // 598 s to 600 s: the second of them is the long one
  EXPECT_EQ(parts[299].step_time_max, 400);
  EXPECT_DOUBLE_EQ(parts[299].running, (4 + 2) / 2.0);
  EXPECT_EQ(parts[400].steps, 0);
  EXPECT_DOUBLE_EQ(parts[400].answer_tokens, 4);
  EXPECT_DOUBLE_EQ(parts[400].stall, 0.5);
  EXPECT_DOUBLE_EQ(parts[400].gpu_max_over_mean, 3);
  EXPECT_DOUBLE_EQ(parts[499].kv_use, 0.25);  // half of it is idle
  double tokens = 0;
  std::int64_t steps = 0;
  for (const SeriesPart& part : parts) {
    tokens += part.prompt_tokens + part.answer_tokens;
    steps += part.steps;
  }
  EXPECT_NEAR(tokens, 5990 + 800, 1e-9);
  EXPECT_EQ(steps, 600);
}

// Parts of 0.1 s: the third request arrives at 2 s, the gap that ends at 7 s is of 2 s.
TEST(LatencySeries, HoldsWhatArrivesAndWhatEnds) {
  const std::vector<LatencyPart> parts = latency_series(three_requests());
  ASSERT_EQ(parts.size(), 100u);
  EXPECT_EQ(parts[20].arrivals, 1);
  EXPECT_DOUBLE_EQ(parts[20].ttft.mean, 3);
  EXPECT_EQ(parts[70].itl.count, 1);
  EXPECT_DOUBLE_EQ(parts[70].itl.max, 2);
  EXPECT_EQ(parts[71].itl.count, 0);
  std::int64_t arrivals = 0, ends = 0, gaps = 0;
  for (const LatencyPart& part : parts) {
    arrivals += part.arrivals;
    ends += part.ends;
    gaps += part.itl.count;
  }
  EXPECT_EQ(arrivals, 3);
  EXPECT_EQ(ends, 3);
  EXPECT_EQ(gaps, 5);
  EXPECT_THAT(serving_latencies_csv(three_requests()), HasSubstr("\n0,0.1,1,0,1,1,1,1,,,,\n"));
}

TEST(ServingJson, HoldsMetricsClassesAndPools) {
  const ServingMetrics metrics = compute_serving_metrics(three_requests(), kTargets);
  const Json json = serving_json(metrics, kTargets);
  EXPECT_DOUBLE_EQ(json["ttft_s"]["p50"].get<double>(), 2);
  EXPECT_DOUBLE_EQ(json["requests_per_s"].get<double>(), 0.3);
  EXPECT_EQ(json["slo"].dump(), "{\"ttft_s\":2.0,\"tpot_s\":1.5}");
  EXPECT_EQ(json["unfinished"].get<int>(), 0);
  EXPECT_DOUBLE_EQ(json["under_way"]["max"].get<double>(), 3);
  EXPECT_EQ(json["classes"][1]["name"].get<std::string>(), "batch");
  EXPECT_TRUE(json["classes"][1]["tpot_s"]["mean"].is_null());
  EXPECT_DOUBLE_EQ(json["pools"][0]["kv_use"]["max"].get<double>(), 0.4);
  EXPECT_TRUE(
      serving_json(compute_serving_metrics(three_requests(), {}), {})["slo_attainment"].is_null());
}

TEST(ServingTable, SaysItInAHundredColumns) {
  const ServingMetrics metrics = compute_serving_metrics(three_requests(), kTargets);
  const std::string table = serving_table(metrics, kTargets, {});
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 100u) << line;
  EXPECT_THAT(table, HasSubstr("0.300 requests/s"));
  EXPECT_THAT(table, HasSubstr("latency               mean         p50         p90"));
  EXPECT_THAT(table, HasSubstr("TPOT                1.50 s      1.50 s      1.90 s"));
  EXPECT_THAT(table, HasSubstr("33.3 % of the requests meet TTFT ≤ 2.00 s, TPOT ≤ 1.50 s"));
  EXPECT_THAT(table, HasSubstr("served again  1 preemption · 2 retries"));
  EXPECT_THAT(table, HasSubstr("\nbatch "));
  EXPECT_THAT(table, HasSubstr("stalled for   500 ms\n"));
  EXPECT_THAT(table, HasSubstr("KV waiting"));
  EXPECT_THAT(table, ContainsRegex("\nall +3 +2.33 s +3.96 s +70.0 % +0.900 +0.200 +17.0 %"));
  EXPECT_NE(serving_table(metrics, kTargets, {.colour = true}), table);
}

}  // namespace
}  // namespace moesim
