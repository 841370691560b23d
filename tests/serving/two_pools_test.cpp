// Prompts on one pool and answers on another, by hand.
#include <gmock/gmock.h>

#include "tests/support/serving_runs.hpp"

namespace moesim {
namespace {

// A prefill step takes 1 s, and what it computed is there a quarter of a second later; a decode
// step takes an eighth.
struct TwoPools {
  explicit TwoPools(std::int64_t decode_tokens)
      : prefill([](int, const StepBatch&) {
          return StepOutcome{.time = Seconds(1), .kv_sent = Seconds(1.25)};
        }),
        setup(setup_of({pool_of(1000), pool_of(decode_tokens)})) {}

  ServingResult run(const RequestList& list) { return serve(list, setup, {&prefill, &decode}, {}); }

  RuleClock prefill, decode{0.125};
  ServingSetup setup;
};

TEST(TwoPools, DecodeAfterTheKvCacheHasArrived) {
  TwoPools pools(1000);
  const ServingResult result = pools.run(requests_of({{0, 10, 3}, {0, 20, 1}}));
  const RequestRecord& record = result.requests[0];
  EXPECT_EQ(record.first_token, 1);
  EXPECT_EQ(record.end, 1.5);  // 1.25, and two steps
  EXPECT_EQ(record.kv_waited, 0);
  EXPECT_EQ(gaps_text(result), "0.125 x 1, 0.375 x 1");
  EXPECT_EQ(result.requests[1].end, 1);  // nothing to decode
  ASSERT_EQ(pools.decode.batches.size(), 2u);
  EXPECT_EQ(pools.decode.batches[0].ranks[0],
            (Sequences{{.new_tokens = 1, .earlier = 10, .decode = true}}));
  EXPECT_EQ(result.pools[0].steps.size(), 1u);
  EXPECT_EQ(result.pools[1].steps[0].begin, 1.25);
}

TEST(TwoPools, KeepTheKvCacheWhereItIsUntilThereIsRoom) {
  TwoPools pools(14);
  pools.prefill.kv_token = Seconds(1.0 / 20);
  const ServingResult result = pools.run(requests_of({{0, 10, 3}, {0, 10, 3}}));
  EXPECT_EQ(result.requests[0].end, 1.5);
  // Room at 1.5, half a second on the way, two steps.
  EXPECT_EQ(result.requests[1].first_token, 1);
  EXPECT_EQ(result.requests[1].kv_waited, 0.5);
  EXPECT_DOUBLE_EQ(result.requests[1].end, 2.25);
  EXPECT_EQ(result.pools[1].steps[0].waiting, 1);
}

TEST(TwoPools, SendWhatThePrefixCacheHadToo) {
  TwoPools pools(4000);
  pools.setup.pools[0].kv_tokens = 4000;
  pools.setup.options = {.page = 64, .prefix_cache = true};
  pools.prefill.kv_token = Seconds(1.0 / 512);
  RequestList list = requests_of({{0, 600, 1}, {2, 1200, 2}});
  list.requests[0].blocks = {1, 2};
  list.requests[1].blocks = {1, 3, 4};
  const ServingResult result = pools.run(list);
  // 512 tokens take a second, which is less than the step's own 1.25.
  EXPECT_EQ(result.requests[1].cached, 512);
  EXPECT_EQ(result.requests[1].end, 2 + 1.25 + 0.125);
  pools.prefill.kv_token = Seconds(3.0 / 512);
  EXPECT_EQ(pools.run(list).requests[1].end, 2 + 3 + 0.125);
}

// Both decode until their 12 + 12 tokens are all there is room for; the second has to be computed
// again by the prefill pool: 10 + 3 tokens, from the moment in which it lost them.
TEST(TwoPools, ComputeAgainWhatLostItsPages) {
  TwoPools pools(24);
  pools.prefill.kv_token = Seconds(0.625 / 13);
  const ServingResult result = pools.run(requests_of({{0, 10, 8}, {0, 10, 8}}));
  EXPECT_EQ(result.requests[0].preemptions, 0);
  EXPECT_EQ(result.requests[1].preemptions, 1);
  // Three tokens by 1.5; room since 2.125, and 0.625 s from then on for 13 tokens; the last four.
  EXPECT_DOUBLE_EQ(result.requests[1].end, 2.125 + 0.625 + 4 * 0.125);
  ASSERT_EQ(pools.prefill.batches.size(), 2u);
  EXPECT_EQ(pools.prefill.batches[1].ranks[0], (Sequences{{.new_tokens = 13}}));
}

TEST(TwoPools, ChooseTheRankThatDecodesWhenTheTransferBegins) {
  TwoPools pools(1000);
  pools.setup.pools[1] = pool_of(1000, 2, {.router = "least_requests"});
  const ServingResult result = pools.run(requests_of({{0, 10, 20}, {0.5, 10, 2}}));
  EXPECT_EQ(result.requests[0].decode_rank, 0);
  EXPECT_EQ(result.requests[1].decode_rank, 1);
}

}  // namespace
}  // namespace moesim
