// The order in which requests that came together are served, one at a time.
#include <gmock/gmock.h>

#include <algorithm>

#include "tests/support/serving_runs.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;

std::vector<int> order_of(const std::string& queue, const RequestList& list) {
  ServingSetup setup =
      setup_of({pool_of(8192, 1, {.batching = "{kind: continuous, requests: 1}", .queue = queue})});
  setup.options.page = 64;
  setup.options.prefix_cache = true;
  RuleClock clock(1);
  ServingResult result = serve_with(list, setup, clock);
  std::sort(result.requests.begin(), result.requests.end(),
            [](const RequestRecord& a, const RequestRecord& b) { return a.end < b.end; });
  std::vector<int> ids;
  for (const RequestRecord& each : result.requests) ids.push_back(each.id);
  return ids;
}

RequestList four() { return requests_of({{0, 30, 9}, {0, 20, 2}, {0, 30, 1}, {0, 10, 20}}); }

TEST(QueueOrder, IsThatOfArrivalAtFirst) {
  EXPECT_THAT(order_of("fcfs", four()), ElementsAre(0, 1, 2, 3));
}

TEST(QueueOrder, PutsTheShortestPromptFirst) {
  EXPECT_THAT(order_of("shortest", four()), ElementsAre(3, 1, 0, 2));
  EXPECT_THAT(order_of("{kind: shortest, by: total}", four()), ElementsAre(1, 3, 2, 0));
}

TEST(QueueOrder, PutsTheLongestAnswerFirst) {
  EXPECT_THAT(order_of("longest_answer", four()), ElementsAre(3, 0, 1, 2));
}

TEST(QueueOrder, FollowsThePriorityOfClasses) {
  RequestList list = four();
  list.classes = {{.name = "batch", .priority = 2}, {.name = "chat", .priority = 1}};
  list.requests[2].kind = 1;
  EXPECT_THAT(order_of("priority", list), ElementsAre(2, 0, 1, 3));
}

TEST(QueueOrder, PutsTheLongestCachedPrefixFirst) {
  RequestList list = requests_of({{0, 1100, 2}, {1, 1100, 1}, {1, 600, 1}, {1, 1100, 1}});
  list.requests[0].blocks = {1, 2};
  list.requests[1].blocks = {7, 8};
  list.requests[2].blocks = {1};
  list.requests[3].blocks = {1, 2};
  EXPECT_THAT(order_of("longest_prefix", list), ElementsAre(0, 3, 2, 1));
  EXPECT_THAT(order_of("{kind: longest_prefix, most: 1}", list), ElementsAre(0, 1, 2, 3));
}

TEST(QueueOrder, CanBeRandomAndStaysTheSame) {
  RequestList list = requests_of(std::vector<Sent>(20));
  const std::vector<int> once = order_of("random", list);
  EXPECT_EQ(once, order_of("random", list));
  EXPECT_FALSE(std::is_sorted(once.begin(), once.end()));
}

}  // namespace
}  // namespace moesim
