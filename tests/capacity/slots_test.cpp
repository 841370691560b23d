#include "sim/capacity/slots.hpp"

#include <gmock/gmock.h>

namespace moesim {
namespace {

using ::testing::ElementsAre;

// Three tokens of two choices: expert 0 is first choice of tokens 0 and 2, second of token 1.
const std::vector<std::int16_t> kIds = {0, 1, 1, 0, 0, 1};

TEST(QueuePlaces, CountByTokenOrByChoice) {
  EXPECT_THAT(queue_places(kIds, 2, 2, {}), ElementsAre(0, 0, 1, 1, 2, 2));
  EXPECT_THAT(queue_places(kIds, 2, 2, {.order = QueueOrder::kChoices}),
              ElementsAre(0, 1, 0, 2, 1, 2));
}

// Expert 0 kept one of its two first choices, so its second choices begin at place 1.
TEST(QueuePlaces, BeginSecondChoicesBehindTheKeptOnes) {
  EXPECT_THAT(queue_places(kIds, 2, 2, {.order = QueueOrder::kChoices, .behind = 1}),
              ElementsAre(0, 1, 0, 1, 1, 2));
}

TEST(QueuePlaces, LeaveOutRoutesThatAreNotThere) {
  const std::vector<std::int16_t> ids = {-1, 0, 0, -1};
  EXPECT_THAT(queue_places(ids, 2, 1, {}), ElementsAre(-1, 0, 1, -1));
}

TEST(ByPriority, PutsTheSurestTokenFirstAndEqualOnesInOrder) {
  const std::vector<float> weights = {0.5F, 0.1F, 0.2F, 0.5F, 0.9F, 0.4F};
  const std::vector<int> order = by_priority(weights, 2);
  EXPECT_THAT(order, ElementsAre(2, 0, 1));
  EXPECT_THAT(queue_places(kIds, 2, 2, {.order = QueueOrder::kChoices, .tokens = order}),
              ElementsAre(1, 2, 0, 2, 0, 1));
}

TEST(LargestKept, TakesTheLowerTokenOfEqualKeys) {
  const std::vector<float> keys = {0.5F, 0, 0, 0.5F, 0.7F, 0};
  EXPECT_THAT(largest_kept(kIds, keys, 2, 2), ElementsAre(1, 1, 1, 0, 1, 0));
}

}  // namespace
}  // namespace moesim
