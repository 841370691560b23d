// Each policy on a sequence worked out by hand. One layer: a turn is a step, and experts are named
// by numbers.
#include <gmock/gmock.h>

#include "tests/support/caches.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;

constexpr CacheShape kTwoSlots{.layers = 1, .experts = 8, .slots = 2};

std::vector<int> experts_in(const std::set<ExpertKey>& contents) {
  std::vector<int> experts;
  for (const ExpertKey key : contents) experts.push_back(key.expert.value);
  return experts;
}

TEST(LruCache, LetsTheLongestUnusedExpertGo) {
  const CacheRun run = run_cache("lru", kTwoSlots, {{0}, {1}, {0}, {2}, {1}});
  EXPECT_EQ(run.hits, 1);  // the second 0
  EXPECT_THAT(experts_in(run.contents[3]), ElementsAre(0, 2));
  EXPECT_THAT(experts_in(run.contents[4]), ElementsAre(1, 2));
}

TEST(LruCache, LetsTheFirstOfThoseGoThatWereUsedTogether) {
  const CacheRun run = run_cache("lru", kTwoSlots, {{3, 5}, {1}});
  EXPECT_THAT(experts_in(run.contents[1]), ElementsAre(1, 5));
}

TEST(LfuCache, LetsTheLeastUsedExpertGo) {
  const Uses uses = {{0}, {0}, {1}, {2}, {0}, {1}};
  EXPECT_EQ(run_cache("lfu", kTwoSlots, uses).hits, 2);
  EXPECT_EQ(run_cache("lru", kTwoSlots, uses).hits, 1);
}

TEST(LfuCache, CountsFromWhenAnExpertCame) {
  // 1 was used twice before it went; when 2 comes again it has one use, as 3 has.
  const CacheRun run =
      run_cache("lfu", {.layers = 1, .experts = 8, .slots = 1}, {{1}, {1}, {2}, {1}});
  EXPECT_THAT(experts_in(run.contents[2]), ElementsAre(2));
  EXPECT_THAT(experts_in(run.contents[3]), ElementsAre(1));
}

TEST(LfuDecayCache, ForgetsOldUses) {
  // In step 4, the three uses of 0 are worth 1/4 + 1/8 + 1/16, and the one of 1 is worth 1/2.
  const Uses uses = {{0}, {0}, {0}, {1}, {2}};
  EXPECT_THAT(experts_in(run_cache("{kind: lfu_decay, decay: 0.5}", kTwoSlots, uses).contents[4]),
              ElementsAre(1, 2));
  EXPECT_THAT(experts_in(run_cache("{kind: lfu_decay, decay: 1}", kTwoSlots, uses).contents[4]),
              ElementsAre(0, 2));
}

TEST(StaticHotCache, KeepsWhatItStartsWith) {
  const CacheRun run = run_cache("static_hot", kTwoSlots, {{2}, {0}, {2}, {1}},
                                 {{LayerId(0), ExpertId(0)}, {LayerId(0), ExpertId(1)}});
  EXPECT_EQ(run.hits, 2);
  for (const auto& contents : run.contents) EXPECT_THAT(experts_in(contents), ElementsAre(0, 1));
}

TEST(BeladyCache, KeepsWhatIsUsedSoonestAndLetsOthersPassThrough) {
  // 2 is not kept: its next use is farther than those of 0 and 1.
  const Uses uses = {{0}, {1}, {2}, {0}, {1}, {2}};
  const CacheRun run = run_cache("belady", kTwoSlots, uses);
  EXPECT_EQ(run.hits, 2);
  EXPECT_THAT(experts_in(run.contents[2]), ElementsAre(0, 1));
  EXPECT_EQ(run_cache("lru", kTwoSlots, uses).hits, 0);
}

// Four layers with one expert each, three slots for all of them.
constexpr CacheShape kThreeOfFour{.layers = 4, .experts = 1, .slots = 3, .scope = CacheScope::kGpu};
const Uses kFiveTurns = {{0}, {0}, {0}, {0}, {0}};

std::vector<int> layers_in(const std::set<ExpertKey>& contents) {
  std::vector<int> layers;
  for (const ExpertKey key : contents) layers.push_back(key.layer.value);
  return layers;
}

TEST(LruDsCache, ProtectsTheLayersThatComeNext) {
  // In the fifth turn layer 0 comes back to layers 1, 2 and 3. The oldest is 1, which is next.
  EXPECT_THAT(layers_in(run_cache("lru", kThreeOfFour, kFiveTurns).contents[4]),
              ElementsAre(0, 2, 3));
  EXPECT_THAT(
      layers_in(
          run_cache("{kind: lru_ds, protected_layers: 2}", kThreeOfFour, kFiveTurns).contents[4]),
      ElementsAre(0, 1, 3));
}

TEST(LruDsCache, LetsTheOldestGoWhereAllAreProtected) {
  EXPECT_THAT(
      layers_in(
          run_cache("{kind: lru_ds, protected_layers: 4}", kThreeOfFour, kFiveTurns).contents[4]),
      ElementsAre(0, 2, 3));
}

TEST(PriorityCache, MultipliesTopologySequenceAndFrequency) {
  // Two layers of two experts. When layer 0 uses its expert 1, the scores of (0, 0) and (1, 0) are:
  // topology 1 and 1/3 of a sum of 8/3; sequence 1/2 and 1 of a sum of 2; frequency 1 of 2 each.
  // 3/8 · 1/4 > 1/8 · 1/2, so (1, 0) goes, which LRU would keep.
  const CacheShape shape{.layers = 2, .experts = 2, .slots = 2, .scope = CacheScope::kGpu};
  const Uses uses = {{0}, {0}, {1}};
  const std::set<ExpertKey> first_layer = {{LayerId(0), ExpertId(0)}, {LayerId(0), ExpertId(1)}};
  EXPECT_EQ(run_cache("priority", shape, uses).contents[2], first_layer);
  EXPECT_EQ(run_cache("lru", shape, uses).contents[2],
            (std::set<ExpertKey>{{LayerId(0), ExpertId(1)}, {LayerId(1), ExpertId(0)}}));
}

TEST(CacheOptions, RefuseSlotsBesideMemoryAndHalfOfALowPrecision) {
  const auto options = [](const std::string& keys) {
    Mistakes mistakes;
    const YamlNode root = parse_yaml(text_source("test", "cache: {kind: lru, " + keys + "}"));
    const Choice choice = read_choice(Cache::kRole, root.entries.front().value, mistakes);
    mistakes.throw_if_any();
    return read_cache_options(choice.arguments);
  };
  EXPECT_EQ(*options("slots: 3").slots, 3);
  EXPECT_THROW(options("slots: 3, memory: 1 GB"), InputError);
  EXPECT_THROW(options("low_dtype: mxfp4"), InputError);
  EXPECT_THROW(options("low_rank: 1"), InputError);
  EXPECT_EQ(*options("low_dtype: mxfp4, low_rank: 1").low_rank, 1);
}

}  // namespace
}  // namespace moesim
