// What each policy plans, by hand. Whole timelines are in tests/serving.
#include <gtest/gtest.h>

#include "sim/batching/batching.hpp"
#include "tests/support/plugin.hpp"

namespace moesim {
namespace {

TEST(StaticBatching, AdmitsAWholeBatchOrNone) {
  const auto policy = plugin<Batching>("{kind: static, requests: 4}");
  EXPECT_EQ(policy->plan({.waiting = 3}).requests, 0);
  EXPECT_EQ(policy->plan({.waiting = 4}).requests, 4);
  EXPECT_EQ(policy->plan({.waiting = 3, .no_more = true}).requests, 4);
  EXPECT_EQ(policy->plan({.waiting = 9, .answers = 1}).requests, 0);
  EXPECT_FALSE(policy->plan({.answers = 1}).answers);
  EXPECT_EQ(policy->most_tokens(1), 16384);
}

TEST(DynamicBatching, SaysWhenItsWindowEnds) {
  const auto policy = plugin<Batching>("{kind: dynamic, requests: 4, window: 100 ms}");
  const BatchPlan early = policy->plan({.now = Seconds(2), .waiting = 1, .oldest = Seconds(2)});
  EXPECT_EQ(early.requests, 0);
  EXPECT_DOUBLE_EQ(early.until.value, 2.1);
  EXPECT_EQ(policy->plan({.now = early.until, .waiting = 1, .oldest = Seconds(2)}).requests, 4);
  EXPECT_EQ(policy->plan({.now = Seconds(2), .waiting = 4, .oldest = Seconds(2)}).requests, 4);
}

TEST(ContinuousBatching, LeavesPromptsTheTokensThatAnswersDoNotTake) {
  const auto policy = plugin<Batching>("{kind: continuous, tokens: 100, requests: 64}");
  const BatchPlan plan = policy->plan({.answers = 20, .answer_tokens = 2});
  EXPECT_EQ(plan.prompt_tokens, 60);
  EXPECT_EQ(plan.requests, 50);  // so that the answers of all of them fit
  EXPECT_FALSE(plan.cut);
  EXPECT_TRUE(plan.answers);
}

TEST(ChunkedPrefill, CutsPromptsToTheRestOfTheBudget) {
  const auto policy = plugin<Batching>("{kind: chunked_prefill, tokens: 100}");
  const BatchPlan plan = policy->plan({.answers = 90});
  EXPECT_EQ(plan.prompt_tokens, 10);
  EXPECT_TRUE(plan.cut);
  EXPECT_EQ(policy->most_tokens(1), 100);
}

TEST(PrefillFirst, ComputesAChunkOrPromptsUpToTheLimit) {
  const auto chunked = plugin<Batching>("{kind: prefill_first, tokens: 500, chunk: 200}");
  EXPECT_EQ(chunked->plan({}).prompt_tokens, 200);
  EXPECT_TRUE(chunked->plan({}).cut);
  EXPECT_FALSE(chunked->plan({}).answers);
  const auto whole = plugin<Batching>("{kind: prefill_first, tokens: 500, chunk: 0}");
  EXPECT_EQ(whole->plan({}).prompt_tokens, 500);
  EXPECT_FALSE(whole->plan({}).cut);
  EXPECT_EQ(whole->most_tokens(4), 1024);
}

}  // namespace
}  // namespace moesim
