// Ranks that fail: every request is served to its end, once, whatever happens.
#include <gmock/gmock.h>

#include "tests/support/serving_runs.hpp"

namespace moesim {
namespace {

std::int64_t tokens_out(const ServingResult& result) {
  std::int64_t tokens = 0;
  for (const RequestRecord& each : result.requests) tokens += each.first_token > 0;
  for (const TokenGap& gap : result.gaps) tokens += gap.count;
  return tokens;
}

RequestList random_requests(int count, Rng& rng) {
  std::vector<Sent> sent;
  double time = 0;
  for (int i = 0; i < count; ++i) {
    time += 2 * rng.uniform();
    sent.push_back({time, 1 + rng.below(60), 1 + rng.below(20)});
  }
  RequestList list = requests_of(sent);
  for (Request& request : list.requests)
    for (int i = 0; i < request.input / 16; ++i)
      request.blocks.push_back(static_cast<std::uint64_t>(rng.below(2)) + 2u * i);
  return list;
}

// Now and then a rank fails, and later comes back; never is there none for long.
RuleClock::Rule failing(int ranks, std::uint32_t stream, bool prefill) {
  auto rng = std::make_shared<Rng>(7, Purpose::kServing, stream);
  auto gone = std::make_shared<std::vector<bool>>(ranks, false);
  return [=](int, const StepBatch&) {
    StepOutcome outcome{.time = Seconds(0.25 + rng->uniform())};
    if (prefill) outcome.kv_sent = outcome.time + Seconds(rng->uniform());
    for (int rank = 0; rank < ranks; ++rank) {
      const bool change = rng->uniform() < ((*gone)[rank] ? 0.2 : 0.03);
      if (!change) continue;
      ((*gone)[rank] ? outcome.returned : outcome.failed).push_back(rank);
      (*gone)[rank] = !(*gone)[rank];
    }
    return outcome;
  };
}

struct Case {
  std::string name;
  bool two_pools = false;
  KvPolicy preemption = KvPolicy::kRecompute;
  std::string batching;
  int concurrency = 0, drafts = 0;
};

// A failed test says which; the bytes of a Case would not.
void PrintTo(const Case& each, std::ostream* out) { *out << each.name; }

class Failures : public testing::TestWithParam<Case> {
 protected:
  ServingResult run() const {
    const Case& each = GetParam();
    Rng rng(3, Purpose::kServing);
    RequestList list = random_requests(300, rng);
    list.concurrency = each.concurrency;
    const Policies policies{.batching = each.batching, .router = "least_tokens"};
    ServingSetup setup = setup_of({pool_of(150, 3, policies)}, each.preemption);
    if (each.two_pools) setup.pools.push_back(pool_of(120, 2, policies));
    setup.options.page = 4;
    setup.kv_token = Bytes(1);
    setup.options.host_rate = BytesPerSecond(40);
    setup.draft_tokens = each.drafts;
    setup.draft_acceptance = 0.6;
    RuleClock first(failing(3, 1, each.two_pools)), second(failing(2, 2, false));
    first.kv_token = Seconds(0.01);
    StepClocks clocks{&first};
    if (each.two_pools) clocks.push_back(&second);
    return serve(list, setup, clocks, {});
  }
};

TEST_P(Failures, LoseNoRequestAndServeNoneTwice) {
  const ServingResult result = run();
  std::int64_t tokens = 0;
  int retries = 0, preemptions = 0;
  for (const RequestRecord& each : result.requests) {
    EXPECT_TRUE(each.finished) << each.id;
    EXPECT_GT(each.first_token, each.admitted);
    EXPECT_GE(each.admitted, each.arrival);
    EXPECT_GE(each.end, each.first_token);
    tokens += each.output;
    retries += each.retries;
    preemptions += each.preemptions;
  }
  EXPECT_EQ(tokens_out(result), tokens);
  int in_steps = 0;
  for (const PoolRecord& pool : result.pools)
    for (const ServingStep& step : pool.steps) in_steps += step.preemptions;
  EXPECT_EQ(in_steps, preemptions);
  EXPECT_GT(retries, 20);
  EXPECT_TRUE(preemptions == 0 || GetParam().preemption != KvPolicy::kReserve);
}

TEST_P(Failures, ComeTheSameEachTime) {
  const ServingResult a = run(), b = run();
  ASSERT_EQ(a.requests.size(), b.requests.size());
  for (std::size_t i = 0; i < a.requests.size(); ++i)
    EXPECT_EQ(a.requests[i].end, b.requests[i].end);
  EXPECT_EQ(gaps_text(a), gaps_text(b));
}

INSTANTIATE_TEST_SUITE_P(OfAllKinds, Failures,
                         testing::Values(Case{.name = "WholePrompts",
                                              .batching = "{kind: continuous, tokens: 80}"},
                                         Case{.name = "ChunksAndDrafts",
                                              .batching = "{kind: chunked_prefill, tokens: 32}",
                                              .drafts = 2},
                                         Case{.name = "PromptsFirstAndSwapping",
                                              .preemption = KvPolicy::kSwap,
                                              .batching = "{kind: prefill_first, chunk: 32}"},
                                         Case{.name = "StaticBatchesAndSwapping",
                                              .preemption = KvPolicy::kSwap,
                                              .batching = "{kind: static, requests: 3}"},
                                         Case{.name = "WindowsInAClosedLoop",
                                              .preemption = KvPolicy::kReserve,
                                              .batching = "{kind: dynamic, requests: 4}",
                                              .concurrency = 10},
                                         Case{.name = "TwoPools",
                                              .two_pools = true,
                                              .batching = "{kind: chunked_prefill, tokens: 64}"},
                                         Case{.name = "TwoPoolsThatSwap",
                                              .two_pools = true,
                                              .preemption = KvPolicy::kSwap,
                                              .batching = "{kind: continuous, requests: 8}",
                                              .concurrency = 12},
                                         Case{.name = "TwoPoolsThatReserve",
                                              .two_pools = true,
                                              .preemption = KvPolicy::kReserve,
                                              .batching = "{kind: continuous, tokens: 100}",
                                              .drafts = 1}),
                         [](const testing::TestParamInfo<Case>& info) { return info.param.name; });

// Rank 0 fails in the second step, with both requests on it; nothing of that step comes out.
TEST(Failure, SendsRequestsToOtherRanksWithTheTokensTheyHave) {
  RuleClock clock([](int step, const StepBatch&) {
    StepOutcome outcome{.time = Seconds(1)};
    if (step == 1) outcome.failed = {0};
    return outcome;
  });
  const ServingResult result =
      serve_with(requests_of({{0, 8, 4}}), setup_of({pool_of(100, 2)}), clock);
  EXPECT_EQ(result.requests[0].first_token, 1);
  EXPECT_EQ(result.requests[0].retries, 1);
  EXPECT_EQ(result.requests[0].decode_rank, 1);
  // 8 + 1 tokens are computed from 2 to 3, which yields the second.
  EXPECT_EQ(clock.batches[2].ranks[1], (Sequences{{.new_tokens = 9}}));
  EXPECT_EQ(result.requests[0].end, 5);
  EXPECT_EQ(gaps_text(result), "1 x 2, 2 x 1");
}

TEST(Failure, WaitsForARankWhereAllHaveFailed) {
  RuleClock clock([](int step, const StepBatch& batch) {
    if (step == 0) return StepOutcome{.time = Seconds(1), .failed = {0}};
    StepOutcome outcome{.time = Seconds(batch.ranks[0].empty() ? 10 : 1)};
    if (step == 1) outcome.returned = {0};
    return outcome;
  });
  const ServingResult result =
      serve_with(requests_of({{0, 8, 1}, {3, 8, 1}}), setup_of({pool_of(100)}), clock);
  EXPECT_EQ(result.requests[0].end, 12);
  EXPECT_EQ(result.requests[1].end, 12);
  EXPECT_EQ(result.requests[0].retries, 1);
  EXPECT_EQ(result.requests[1].retries, 0);
}

TEST(Failure, LeavesRequestsWhereNoRankComesBack) {
  RuleClock clock([](int step, const StepBatch&) {
    return step == 0 ? StepOutcome{.time = Seconds(1), .failed = {0}}
                     : StepOutcome{.time = kForever};
  });
  const ServingResult result =
      serve_with(requests_of({{0, 8, 1}}), setup_of({pool_of(100)}), clock);
  EXPECT_FALSE(result.requests[0].finished);
  EXPECT_EQ(result.seconds, 1);
  EXPECT_EQ(result.notes.size(), 1u);
}

}  // namespace
}  // namespace moesim
