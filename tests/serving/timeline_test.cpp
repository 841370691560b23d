// Timelines of requests, worked out by hand.
#include <gmock/gmock.h>

#include "tests/support/serving_runs.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<double> first_tokens(const ServingResult& result) {
  std::vector<double> times;
  for (const RequestRecord& each : result.requests) times.push_back(each.first_token);
  return times;
}

std::vector<double> ends(const ServingResult& result) {
  std::vector<double> times;
  for (const RequestRecord& each : result.requests) times.push_back(each.end);
  return times;
}

TEST(Continuous, LetsARequestJoinBetweenTwoSteps) {
  RuleClock clock(1);
  const ServingResult result =
      serve_with(requests_of({{0, 100, 3}, {0.5, 50, 1}}), setup_of({pool_of(1000)}), clock);
  EXPECT_THAT(first_tokens(result), ElementsAre(1, 2));
  EXPECT_THAT(ends(result), ElementsAre(3, 2));
  EXPECT_EQ(result.requests[1].admitted, 1);
  EXPECT_EQ(gaps_text(result), "1 x 2");
  ASSERT_EQ(clock.batches.size(), 3u);
  EXPECT_EQ(clock.batches[1].ranks[0], (Sequences{{.new_tokens = 1, .earlier = 100, .decode = true},
                                                  {.new_tokens = 50, .earlier = 0}}));
  EXPECT_EQ(result.seconds, 3);
}

TEST(Continuous, ComputesAPromptThatIsLongerThanTheBudgetAlone) {
  RuleClock clock(1);
  const ServingResult result = serve_with(
      requests_of({{0, 30, 1}, {0, 250, 1}, {0, 30, 1}}),
      setup_of({pool_of(1000, 1, {.batching = "{kind: continuous, tokens: 100}"})}), clock);
  EXPECT_THAT(first_tokens(result), ElementsAre(1, 2, 3));
}

TEST(Continuous, KeepsAWholePromptWaitingForAStepThatHoldsIt) {
  RuleClock clock(1);
  const ServingResult result = serve_with(
      requests_of({{0, 20, 3}, {0, 90, 1}, {0, 100, 1}, {0, 101, 1}}),
      setup_of({pool_of(1000, 1, {.batching = "{kind: continuous, tokens: 100}"})}), clock);
  // 20; 90 beside an answer; 100 not beside one; 101 alone.
  EXPECT_THAT(first_tokens(result), ElementsAre(1, 2, 4, 5));
}

TEST(ChunkedPrefill, FillsWhatAnswersLeaveOfTheBudget) {
  RuleClock clock(1);
  const ServingResult result = serve_with(
      requests_of({{0, 250, 2}, {0, 60, 1}}),
      setup_of({pool_of(1000, 1, {.batching = "{kind: chunked_prefill, tokens: 100}"})}), clock);
  EXPECT_THAT(first_tokens(result), ElementsAre(3, 4));
  EXPECT_THAT(ends(result), ElementsAre(4, 4));
  ASSERT_EQ(clock.batches.size(), 4u);
  EXPECT_EQ(clock.batches[2].ranks[0],
            (Sequences{{.new_tokens = 50, .earlier = 200}, {.new_tokens = 50, .earlier = 0}}));
  EXPECT_EQ(clock.batches[3].ranks[0], (Sequences{{.new_tokens = 1, .earlier = 250, .decode = true},
                                                  {.new_tokens = 10, .earlier = 50}}));
}

TEST(PrefillFirst, LetsAnswersWaitForPrompts) {
  RuleClock clock(1);
  const ServingResult result = serve_with(
      requests_of({{0, 10, 3}, {0.5, 150, 1}}),
      setup_of({pool_of(1000, 1, {.batching = "{kind: prefill_first, chunk: 100}"})}), clock);
  // Two steps of the second prompt come between the first and second token of the first request.
  EXPECT_THAT(first_tokens(result), ElementsAre(1, 3));
  EXPECT_THAT(ends(result), ElementsAre(5, 3));
  EXPECT_EQ(gaps_text(result), "1 x 1, 3 x 1");
}

TEST(StaticBatching, FillsABatchAndRunsItToItsEnd) {
  RuleClock clock(1);
  const ServingResult result =
      serve_with(requests_of({{0, 10, 3}, {2, 10, 1}, {2, 10, 1}}),
                 setup_of({pool_of(1000, 1, {.batching = "{kind: static, requests: 2}"})}), clock);
  // The first waits for the second; the third, which cannot fill a batch, for their end.
  EXPECT_THAT(first_tokens(result), ElementsAre(3, 3, 6));
  EXPECT_THAT(ends(result), ElementsAre(5, 3, 6));
}

TEST(StaticBatching, DoesNotWaitForRequestsThatWaitForIt) {
  RuleClock clock(1);
  RequestList list = requests_of({{0, 10, 1}, {0, 10, 1}});
  list.concurrency = 1;
  const ServingResult result = serve_with(
      list, setup_of({pool_of(1000, 1, {.batching = "{kind: static, requests: 2}"})}), clock);
  EXPECT_THAT(ends(result), ElementsAre(1, 2));
}

TEST(DynamicBatching, BeginsWhenTheOldestHasWaited) {
  RuleClock clock(1);
  const ServingResult result = serve_with(
      requests_of({{0, 10, 1}, {0.125, 10, 1}, {0.5, 10, 1}}),
      setup_of({pool_of(1000, 1, {.batching = "{kind: dynamic, window: 250 ms, requests: 8}"})}),
      clock);
  EXPECT_THAT(ends(result), ElementsAre(1.25, 1.25, 2.25));
}

TEST(Ranks, StepTogetherAlsoWhereOneIsIdle) {
  RuleClock clock(1);
  const ServingResult result =
      serve_with(requests_of({{0, 10, 2}}), setup_of({pool_of(1000, 2)}), clock);
  ASSERT_EQ(clock.batches.size(), 2u);
  EXPECT_EQ(clock.batches[0].ranks.size(), 2u);
  EXPECT_THAT(clock.batches[0].ranks[1], IsEmpty());
  EXPECT_THAT(ends(result), ElementsAre(2));
}

TEST(Serving, SleepsUntilTheNextRequest) {
  RuleClock clock(1);
  const ServingResult result =
      serve_with(requests_of({{0, 10, 1}, {5, 10, 1}}), setup_of({pool_of(1000)}), clock);
  EXPECT_THAT(ends(result), ElementsAre(1, 6));
  EXPECT_EQ(clock.steps, 2);
}

TEST(Serving, SendsTheNextRequestOfAClosedLoopWhenOneHasEnded) {
  RuleClock clock(1);
  RequestList list = requests_of({{0, 10, 2}, {0, 10, 3}, {0, 10, 1}, {9, 10, 1}});
  list.concurrency = 2;
  const ServingResult result = serve_with(list, setup_of({pool_of(1000)}), clock);
  EXPECT_THAT(ends(result), ElementsAre(2, 3, 3, 10));
  EXPECT_EQ(result.requests[2].arrival, 2);
  EXPECT_EQ(result.requests[3].arrival, 9);
}

// The third is sent 4 s after the first has ended, the fourth half a second after the second.
TEST(Serving, LetsUsersOfAClosedLoopThink) {
  RuleClock clock(1);
  RequestList list = requests_of({{0, 10, 2}, {0, 10, 3}, {0, 10, 1}, {0, 10, 1}});
  list.concurrency = 2;
  list.requests[2].think = Seconds(4);
  list.requests[3].think = Seconds(0.5);
  const ServingResult result = serve_with(list, setup_of({pool_of(1000)}), clock);
  EXPECT_EQ(result.requests[2].arrival, 6);
  EXPECT_EQ(result.requests[3].arrival, 3.5);
  EXPECT_THAT(ends(result), ElementsAre(2, 3, 7, 4.5));
}

TEST(Serving, SaysWhenGapsEndAndOfWhichClass) {
  RuleClock clock(1);
  RequestList list = requests_of({{0, 10, 3}, {0, 10, 2}, {0, 10, 2}});
  list.classes.resize(2);
  list.requests[1].kind = 1;
  const ServingResult result = serve_with(list, setup_of({pool_of(1000)}), clock);
  ASSERT_EQ(result.gaps.size(), 3u);
  EXPECT_EQ(result.gaps[0].end, 2);
  EXPECT_EQ(result.gaps[0].count + result.gaps[1].count, 3);
  for (const TokenGap& gap : result.gaps) EXPECT_EQ(gap.seconds, 1);
  EXPECT_EQ(result.gaps[0].kind == 0 ? result.gaps[0].count : result.gaps[1].count, 2);
  EXPECT_EQ(result.gaps[2].end, 3);
  EXPECT_EQ(result.gaps[2].kind, 0);
}

// The fourth request is sent at 5 and the fifth at 3, while the third is served.
TEST(Serving, GoesByWhenRequestsWereSentNotByTheirNumbers) {
  RuleClock clock(1);
  RequestList list = requests_of({{0, 10, 1}, {0, 10, 1}, {0, 10, 6}, {0, 10, 1}, {0, 10, 1}});
  list.concurrency = 3;
  list.requests[3].think = Seconds(4);
  list.requests[4].think = Seconds(1);
  const ServingResult result = serve_with(
      list, setup_of({pool_of(1000, 1, {.batching = "{kind: continuous, requests: 1}"})}), clock);
  EXPECT_THAT(ends(result), ElementsAre(1, 2, 8, 10, 9));
}

TEST(Serving, RefusesWhatNoRankCanHold) {
  RuleClock clock(1);
  const ServingResult result =
      serve_with(requests_of({{0, 90, 20}, {0, 90, 10}}), setup_of({pool_of(100)}), clock);
  EXPECT_TRUE(result.requests[0].refused);
  EXPECT_FALSE(result.requests[0].finished);
  EXPECT_TRUE(result.requests[1].finished);
  EXPECT_EQ(result.notes.size(), 1u);
}

TEST(Serving, RefusesWhatIsLongerThanAllowed) {
  RuleClock clock(1);
  ServingSetup setup = setup_of({pool_of(1000)});
  setup.options.max_tokens = 40;
  const ServingResult result = serve_with(requests_of({{0, 30, 11}, {0, 30, 10}}), setup, clock);
  EXPECT_TRUE(result.requests[0].refused);
  EXPECT_TRUE(result.requests[1].finished);
}

TEST(Serving, TellsAListenerOfEveryStep) {
  RuleClock clock(1);
  std::vector<int> finished;
  const ServingSetup setup = setup_of({pool_of(1000)});
  serve(requests_of({{0, 10, 1}, {0, 10, 3}}), setup, {&clock},
        [&](const ServingProgress& progress) {
          finished.push_back(progress.finished);
          EXPECT_EQ(progress.now, Seconds(static_cast<double>(progress.steps)));
        });
  EXPECT_THAT(finished, ElementsAre(1, 1, 2));
}

TEST(Serving, BeginsNoStepAfterItsDuration) {
  RuleClock clock(1);
  ServingSetup setup = setup_of({pool_of(1000)});
  setup.options.duration = Seconds(2.5);
  const ServingResult result =
      serve_with(requests_of({{0, 10, 3}, {0, 10, 4}, {4, 10, 1}}), setup, clock);
  EXPECT_EQ(result.seconds, 3);
  EXPECT_TRUE(result.requests[0].finished);
  EXPECT_FALSE(result.requests[1].finished);
  EXPECT_FALSE(result.requests[2].finished);
}

TEST(Drafts, ComeOutWithTheNextTokenWhereTheyAreRight) {
  ServingSetup setup = setup_of({pool_of(1000)});
  setup.draft_tokens = 1;
  setup.draft_acceptance = 1;
  RuleClock clock(1);
  const ServingResult right = serve_with(requests_of({{0, 10, 5}}), setup, clock);
  EXPECT_THAT(ends(right), ElementsAre(3));  // 1 + 2 + 2 tokens
  EXPECT_EQ(gaps_text(right), "0 x 2, 1 x 2");
  EXPECT_EQ(clock.batches[2].ranks[0],
            (Sequences{{.new_tokens = 2, .earlier = 12, .decode = true}}));
  setup.draft_acceptance = 0;
  RuleClock again(1);
  EXPECT_THAT(ends(serve_with(requests_of({{0, 10, 5}}), setup, again)), ElementsAre(5));
}

TEST(Drafts, AreRightAsOftenAsTheyShould) {
  ServingSetup setup = setup_of({pool_of(100000)});
  setup.draft_tokens = 2;
  setup.draft_acceptance = 0.5;
  RuleClock clock(1);
  const ServingResult result = serve_with(requests_of({{0, 10, 40000}}), setup, clock);
  // A step yields 1 + 0.5 + 0.25 tokens, with a variance of 0.6875.
  EXPECT_NEAR(40000 / result.seconds, 1.75, 0.02);
}

TEST(Classes, HaveTheirSharesOfTheNewTokens) {
  RequestList list = requests_of({{0, 30, 2}, {0, 10, 1}});
  list.classes = {{.name = "chat"}, {.name = "code"}};
  list.requests[1].kind = 1;
  RuleClock clock(1);
  serve_with(list, setup_of({pool_of(1000)}), clock);
  ASSERT_EQ(clock.batches.size(), 2u);
  EXPECT_THAT(clock.batches[0].classes, ElementsAre(0.75, 0.25));
  EXPECT_THAT(clock.batches[1].classes, ElementsAre(1, 0));
}

}  // namespace
}  // namespace moesim
