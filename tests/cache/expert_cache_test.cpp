// The slots, and what holds for every sequence of uses.
#include <gmock/gmock.h>

#include "sim/base/random.hpp"
#include "tests/support/caches.hpp"

namespace moesim {
namespace {

const std::vector<std::string> kPolicies = {"lru",      "lru_ds",     "lfu",   "lfu_decay",
                                            "priority", "static_hot", "belady"};

// `most` experts of a turn at most, some of them much more often than others.
Uses random_uses(std::uint64_t seed, int turns, int experts, int most) {
  Rng rng(seed, Purpose::kRouting);
  Uses uses;
  for (int turn = 0; turn < turns; ++turn) {
    std::set<int> used;
    for (int count = 1 + rng.below(most); count > 0; --count)
      used.insert(static_cast<int>(experts * rng.uniform() * rng.uniform()));
    uses.emplace_back(used.begin(), used.end());
  }
  return uses;
}

TEST(ExpertCache, NeverLetsAnExpertGoThatTheRunningLayerUses) {
  for (const std::string& policy : kPolicies) {
    if (policy == "belady") continue;  // a bound: it may when the layer has been computed
    const Uses uses = random_uses(3, 200, 8, 5);
    const CacheRun run = run_cache(policy, {.layers = 1, .experts = 8, .slots = 3}, uses);
    for (std::size_t turn = 1; turn < uses.size(); ++turn)
      for (const int expert : uses[turn]) {
        const ExpertKey key{LayerId(0), ExpertId(expert)};
        EXPECT_TRUE(!run.contents[turn - 1].contains(key) || run.contents[turn].contains(key))
            << policy << " " << turn;
      }
  }
}

TEST(ExpertCache, KeepsAnExpertThatWasFetchedAheadUntilItsTurnIsOver) {
  ExpertCache cache(plugin<Cache>("lru"),
                    {.layers = 2, .experts = 4, .slots = 1, .scope = CacheScope::kGpu});
  const ExpertKey ahead{LayerId(1), ExpertId(2)}, other{LayerId(1), ExpertId(3)};
  cache.begin_turn(StepId(0), LayerId(0), {});
  EXPECT_TRUE(cache.prefetch(ahead, 1).kept);
  EXPECT_FALSE(cache.prefetch(other, 1).kept);
  const ExpertId used[] = {other.expert};
  cache.begin_turn(StepId(0), LayerId(1), used);
  EXPECT_FALSE(cache.insert(other).kept);
  cache.begin_turn(StepId(1), LayerId(0), {});
  const auto insertion = cache.prefetch({LayerId(1), ExpertId(0)}, 3);
  EXPECT_TRUE(insertion.kept);
  EXPECT_EQ(*insertion.evicted, ahead);
}

TEST(ExpertCache, KeepsTheLayersApartWhereEachHasSlotsOfItsOwn) {
  const CacheRun run =
      run_cache("lru", {.layers = 2, .experts = 4, .slots = 1}, {{0}, {1}, {2}, {1}});
  EXPECT_EQ(run.hits, 1);
  EXPECT_EQ(run.contents[3],
            (std::set<ExpertKey>{{LayerId(0), ExpertId(2)}, {LayerId(1), ExpertId(1)}}));
}

TEST(ExpertCache, MissesOnlyOnceWhereEverythingFits) {
  const Uses uses = random_uses(5, 300, 8, 3);
  std::set<std::pair<std::size_t, int>> distinct;
  int all = 0;
  for (std::size_t turn = 0; turn < uses.size(); ++turn)
    for (const int expert : uses[turn]) {
      distinct.insert({turn % 3, expert});
      ++all;
    }
  for (const std::string& policy : kPolicies)
    EXPECT_EQ(run_cache(policy, {.layers = 3, .experts = 8, .slots = 8}, uses).hits,
              all - static_cast<int>(distinct.size()))
        << policy;
}

// Mattson's inclusion property: a larger cache holds all that a smaller one holds, at any time.
TEST(StackPolicies, HoldMoreWithMoreSlots) {
  for (const char* policy : {"lru", "belady"}) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const Uses uses = random_uses(seed, 150, 10, 1);
      CacheRun smaller;
      for (int slots = 1; slots <= 20; ++slots) {
        const CacheRun run = run_cache(
            policy, {.layers = 2, .experts = 10, .slots = slots, .scope = CacheScope::kGpu}, uses);
        EXPECT_GE(run.hits, smaller.hits);
        for (std::size_t turn = 0; turn < smaller.contents.size(); ++turn)
          EXPECT_TRUE(std::includes(run.contents[turn].begin(), run.contents[turn].end(),
                                    smaller.contents[turn].begin(), smaller.contents[turn].end()))
              << policy << " with " << slots << " slots, seed " << seed << ", turn " << turn;
        smaller = run;
      }
    }
  }
}

TEST(BeladyCache, HitsAtLeastAsOftenAsAnyOther) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Uses uses = random_uses(seed, 200, 8, 1 + static_cast<int>(seed % 3));
    const CacheShape shape{.layers = 2,
                           .experts = 8,
                           .slots = 2 + static_cast<int>(seed % 5),
                           .scope = seed % 2 ? CacheScope::kGpu : CacheScope::kLayer};
    std::vector<ExpertKey> start;
    for (int expert = 0; expert < 8; ++expert)
      for (int layer = 0; layer < 2; ++layer) start.push_back({LayerId(layer), ExpertId(expert)});
    const int bound = run_cache("belady", shape, uses, start).hits;
    for (const std::string& policy : kPolicies)
      EXPECT_LE(run_cache(policy, shape, uses, start).hits, bound) << policy << " seed " << seed;
  }
}

}  // namespace
}  // namespace moesim
