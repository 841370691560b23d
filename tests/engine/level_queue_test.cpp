// Both queues that say which link of a fill is full next.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "sim/base/random.hpp"
#include "sim/engine/level_buckets.hpp"
#include "sim/engine/level_heap.hpp"

namespace moesim {
namespace {

// Levels over many octaves, some of them 0.
std::vector<double> random_levels(std::uint64_t seed) {
  Rng rng(seed, Purpose::kRouting);
  std::vector<double> levels;
  for (int link = 0; link < 300; ++link)
    levels.push_back(link % 50 == 7 ? 0 : std::exp2(60 * rng.uniform() - 30));
  return levels;
}

// The levels in the order in which the queue gives them, half of them raised once, to four times
// what they were.
template <class Queue>
std::vector<double> taken_from(Queue& queue, std::vector<double> levels) {
  queue.clear(levels.size());
  for (std::size_t link = 0; link < levels.size(); ++link) queue.add(link, levels[link]);
  queue.start();
  std::vector<bool> raised(levels.size(), false);
  std::vector<double> taken;
  while (!queue.empty()) {
    const std::size_t link = queue.first();
    EXPECT_LE(queue.level_of_first(), levels[link]);
    if (link % 2 == 0 && !raised[link]) {
      raised[link] = true;
      levels[link] *= 4;
    }
    if (queue.raise_first(levels[link])) continue;
    taken.push_back(levels[link]);
    queue.remove_first();
  }
  return taken;
}

template <class Queue>
class LevelQueue : public testing::Test {};
using Queues = testing::Types<LevelHeap, LevelBuckets>;
TYPED_TEST_SUITE(LevelQueue, Queues);

TYPED_TEST(LevelQueue, GivesLinksByRisingLevelUpToAFiveHundredth) {
  TypeParam queue;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    std::vector<double> expected = random_levels(seed);
    const std::vector<double> taken = taken_from(queue, expected);
    for (std::size_t link = 0; link < expected.size(); link += 2) expected[link] *= 4;
    ASSERT_EQ(taken.size(), expected.size());
    for (std::size_t at = 1; at < taken.size(); ++at)
      EXPECT_GE(taken[at], taken[at - 1] * (1 - LevelBuckets::kWidth));
    std::vector<double> sorted = taken;
    std::sort(sorted.begin(), sorted.end());
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(sorted, expected);
  }
}

TYPED_TEST(LevelQueue, GivesEqualLevelsOneAfterTheOther) {
  TypeParam queue;
  EXPECT_EQ(taken_from(queue, std::vector<double>(9, 3.0)).size(), 9u);
}

}  // namespace
}  // namespace moesim
