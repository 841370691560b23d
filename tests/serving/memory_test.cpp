// KV caches that run out of pages, and prefixes that stay in them, by hand.
#include <gmock/gmock.h>

#include "sim/serving/kv_cache.hpp"
#include "tests/support/serving_runs.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;

// Two requests of 8 + 6 tokens on a rank with room for 20.
ServingResult serve_two(KvPolicy preemption) {
  ServingSetup setup = setup_of({pool_of(20)}, preemption);
  setup.kv_token = Bytes(1);
  setup.options.host_rate = BytesPerSecond(20);
  RuleClock clock(1);
  return serve_with(requests_of({{0, 8, 6}, {0, 8, 6}}), setup, clock);
}

// With three tokens each, 20 are held: the fourth step takes the second request's. The first ends
// at 6, and the second computes its 8 + 3 tokens again.
TEST(Recompute, ComputesPromptAndAnswerAgain) {
  const ServingResult result = serve_two(KvPolicy::kRecompute);
  EXPECT_EQ(result.requests[0].end, 6);
  EXPECT_EQ(result.requests[0].preemptions, 0);
  EXPECT_EQ(result.requests[1].first_token, 1);
  EXPECT_EQ(result.requests[1].end, 9);
  EXPECT_EQ(result.requests[1].preemptions, 1);
  EXPECT_EQ(gaps_text(result), "1 x 9, 4 x 1");
  const ServingStep& again = result.pools[0].steps[6];
  EXPECT_EQ(again.prompt_tokens, 11);
  EXPECT_EQ(again.kv_use, 11.0 / 20);
  EXPECT_EQ(result.pools[0].steps[4].waiting, 1);
  EXPECT_EQ(result.pools[0].steps[4].running, 1);
}

// Its 10 tokens travel for half a second each way.
TEST(Swap, BringsTheCacheBackWhenThereIsRoom) {
  const ServingResult result = serve_two(KvPolicy::kSwap);
  EXPECT_EQ(result.requests[0].end, 6);
  EXPECT_EQ(result.requests[1].end, 9.5);
  EXPECT_EQ(result.requests[1].preemptions, 1);
  EXPECT_EQ(gaps_text(result), "1 x 9, 4.5 x 1");
}

TEST(Reserve, AdmitsARequestWithRoomForItsAnswer) {
  const ServingResult result = serve_two(KvPolicy::kReserve);
  EXPECT_EQ(result.requests[0].end, 6);
  EXPECT_EQ(result.requests[1].first_token, 7);
  EXPECT_EQ(result.requests[1].end, 12);
  EXPECT_EQ(result.requests[1].preemptions, 0);
  EXPECT_EQ(result.pools[0].steps[0].kv_use, 14.0 / 20);
}

TEST(Reserve, KeepsRoomForTheLongestAnswerThatMayBeAskedFor) {
  ServingSetup setup = setup_of({pool_of(30)}, KvPolicy::kReserve);
  setup.options.max_new_tokens = 10;
  RuleClock clock(1);
  const ServingResult result = serve_with(requests_of({{0, 8, 2}, {0, 8, 2}}), setup, clock);
  EXPECT_EQ(result.requests[1].first_token, 3);  // 18 + 18 tokens are too many
}

// A prompt of whole blocks.
Request prompt_of(std::vector<std::uint64_t> blocks) {
  return {.input = static_cast<int>(blocks.size()) * kPrefixBlock,
          .output = 1,
          .blocks = std::move(blocks)};
}

void compute(KvCache& cache, const Request& request) {
  HeldKv held;
  ASSERT_TRUE(cache.take(request, request.input, held));
  cache.share(request, request.input, held);
  cache.release(request, held);
}

TEST(PrefixCache, FindsTheBlocksThatPromptsBeginWith) {
  KvCache cache(4 * kPrefixBlock, 64, true);
  compute(cache, prompt_of({1, 2}));
  EXPECT_EQ(cache.cached(prompt_of({1, 3}), 2 * kPrefixBlock), kPrefixBlock);
  EXPECT_EQ(cache.cached(prompt_of({3, 2}), 2 * kPrefixBlock), 0);
  // The last token is computed.
  EXPECT_EQ(cache.cached(prompt_of({1, 2}), 2 * kPrefixBlock), 2 * kPrefixBlock - 1);
  EXPECT_EQ(cache.held_tokens(), 0);
}

TEST(PrefixCache, LosesTheBlockThatWasLeftTheLongestAgo) {
  KvCache cache(4 * kPrefixBlock, 64, true);
  compute(cache, prompt_of({1, 2}));
  compute(cache, prompt_of({5, 6}));
  compute(cache, prompt_of({1, 2}));  // used again
  compute(cache, prompt_of({7}));     // takes the place of 6, the end of the older prompt
  EXPECT_EQ(cache.cached(prompt_of({1, 2, 9}), 3 * kPrefixBlock), 2 * kPrefixBlock);
  EXPECT_EQ(cache.cached(prompt_of({5, 6, 9}), 3 * kPrefixBlock), kPrefixBlock);
}

TEST(PrefixCache, SharesBlocksAmongRequestsAndKeepsThoseThatAreHeld) {
  KvCache cache(4 * kPrefixBlock, 64, true);
  const Request first = prompt_of({1, 2}), second = prompt_of({1, 3}), third = prompt_of({4, 5});
  HeldKv a, b, c;
  ASSERT_TRUE(cache.take(first, first.input, a));
  cache.share(first, first.input, a);
  ASSERT_TRUE(cache.take(second, second.input, b));
  EXPECT_EQ(cache.held_tokens(), 3 * kPrefixBlock);
  EXPECT_FALSE(cache.take(third, third.input, c));
  cache.release(first, a);  // block 1 is still the second's; block 2 may go
  EXPECT_EQ(cache.held_tokens(), 2 * kPrefixBlock);
  EXPECT_TRUE(cache.take(third, third.input, c));
  EXPECT_EQ(cache.held_tokens(), 4 * kPrefixBlock);
  EXPECT_EQ(cache.cached(first, first.input), kPrefixBlock);
}

TEST(PrefixCache, KeepsOneCopyOfABlockThatTwoComputedAtTheSameTime) {
  KvCache cache(4 * kPrefixBlock, 64, true);
  const Request request = prompt_of({1, 2});
  HeldKv a, b;
  ASSERT_TRUE(cache.take(request, request.input, a));
  ASSERT_TRUE(cache.take(request, request.input, b));
  EXPECT_EQ(cache.held_tokens(), 4 * kPrefixBlock);
  cache.share(request, request.input, a);
  cache.share(request, request.input, b);
  EXPECT_EQ(cache.held_tokens(), 2 * kPrefixBlock);
}

TEST(PrefixCache, SparesTheTokensOfASecondTurn) {
  RequestList list = requests_of({{0, 1024, 1}, {2, 1300, 1}});
  list.requests[0].blocks = {1, 2};
  list.requests[1].blocks = {1, 2, 3};
  ServingSetup setup = setup_of({pool_of(4096)});
  setup.options.page = 64;
  setup.options.prefix_cache = true;
  RuleClock clock(1);
  const ServingResult result = serve_with(list, setup, clock);
  EXPECT_EQ(result.requests[0].cached, 0);
  EXPECT_EQ(result.requests[1].cached, 1024);
  ASSERT_EQ(clock.batches.size(), 2u);
  EXPECT_EQ(clock.batches[1].ranks[0], (Sequences{{.new_tokens = 276, .earlier = 1024}}));
}

// By turns they would go to the other ranks.
TEST(PrefixCache, DrawsAConversationToItsRank) {
  RequestList list = requests_of({{0, 1024, 1}, {2, 1024, 1}, {4, 1024, 1}});
  list.requests[0].blocks = {1, 2};
  list.requests[1].blocks = {1, 3};
  list.requests[2].blocks = {1, 2};
  for (const std::string router : {"round_robin", "kv_aware"}) {
    ServingSetup setup = setup_of({pool_of(4096, 2, {.router = router})});
    setup.options.page = 64;
    setup.options.prefix_cache = true;
    RuleClock clock(1);
    const ServingResult result = serve_with(list, setup, clock);
    EXPECT_EQ(result.requests[1].cached, router == "kv_aware" ? 512 : 0);
    EXPECT_EQ(result.requests[2].cached, 1023);
  }
}

TEST(PrefixCache, TakesTheTracesWordForPromptsWithoutBlocks) {
  RequestList list = requests_of({{0, 100, 1}});
  list.requests[0].repeated = 40;
  ServingSetup setup = setup_of({pool_of(4096)});
  setup.options.prefix_cache = true;
  RuleClock clock(1);
  const ServingResult with = serve_with(list, setup, clock);
  EXPECT_EQ(with.requests[0].cached, 40);
  EXPECT_EQ(with.notes.size(), 1u);
  setup.options.prefix_cache = false;
  EXPECT_EQ(serve_with(list, setup, clock).requests[0].cached, 0);
}

}  // namespace
}  // namespace moesim
