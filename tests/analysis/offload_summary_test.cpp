// What is said of offloaded experts, on two steps worked out by hand.
#include "analysis/offload_summary.hpp"

#include <gmock/gmock.h>

#include <cmath>

namespace moesim {
namespace {

using ::testing::HasSubstr;

RunResult two_steps() {
  RunResult result;
  result.offload = {.slots = 6, .experts = 8, .expert_bytes = 1e9};
  result.steps.resize(2);
  result.steps[0].offload = {.uses = 10,
                             .hits = 6,
                             .late = 1,
                             .on_cpu = 1,
                             .low = 2,
                             .layers = 4,
                             .hit_layers = 1,
                             .prefetches = 4,
                             .useful = 3,
                             .demand_bytes = 3e9,
                             .prefetch_bytes = 4e9,
                             .wasted_bytes = 1e9,
                             .host_bytes = 5e9,
                             .disk_bytes = 2e9};
  result.steps[1].offload = {
      .uses = 10, .hits = 9, .layers = 4, .hit_layers = 3, .demand_bytes = 1e9, .host_bytes = 1e9};
  result.steps[0].breakdown[static_cast<std::size_t>(Phase::kOffload)] = 0.3;
  result.steps[1].breakdown[static_cast<std::size_t>(Phase::kOffload)] = 0.1;
  return result;
}

TEST(OffloadSummary, DividesWhatTheStepsAddUpTo) {
  const OffloadSummary all = summarize_offload(two_steps());
  EXPECT_DOUBLE_EQ(all.hit_rate, 0.75);
  EXPECT_DOUBLE_EQ(all.layer_hit_rate, 0.5);
  EXPECT_DOUBLE_EQ(all.late_rate, 0.05);
  EXPECT_DOUBLE_EQ(all.cpu_rate, 0.05);
  EXPECT_DOUBLE_EQ(all.low_rate, 0.1);
  EXPECT_DOUBLE_EQ(all.demand_bytes, 2e9);
  EXPECT_DOUBLE_EQ(all.prefetch_bytes, 2e9);
  EXPECT_DOUBLE_EQ(all.host_bytes, 3e9);
  EXPECT_DOUBLE_EQ(all.disk_bytes, 1e9);
  EXPECT_DOUBLE_EQ(all.exposed_s, 0.2);
  EXPECT_DOUBLE_EQ(all.prefetch_used, 0.75);
  EXPECT_DOUBLE_EQ(all.prefetch_wasted, 0.25);
}

TEST(OffloadSummary, SaysNothingOfRunsWithoutIt) {
  RunResult result = two_steps();
  EXPECT_THAT(offload_lines(result)[0], HasSubstr("6 of 8 experts on the GPU"));
  EXPECT_THAT(offload_lines(result)[1], HasSubstr("25.0 % of it wasted"));
  result.offload.reset();
  EXPECT_TRUE(offload_lines(result).empty());
}

TEST(OffloadSummary, LeavesOutWhatNothingIsDividedBy) {
  RunResult result = two_steps();
  for (StepRecord& step : result.steps) step.offload = {};
  EXPECT_TRUE(std::isnan(summarize_offload(result).hit_rate));
  EXPECT_EQ(offload_json(result)["prefetch_wasted"], nullptr);
}

}  // namespace
}  // namespace moesim
