#include "analysis/plan/batch_search.hpp"

#include <gmock/gmock.h>

#include <functional>
#include <limits>

namespace moesim {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

struct Found {
  std::optional<int> batch;
  int looks = 0;
};

Found find(BatchSearch search, const std::function<double(int)>& value) {
  Found found;
  while (const auto batch = search.next()) {
    search.tell(*batch, value(*batch));
    ++found.looks;
  }
  found.batch = search.best();
  return found;
}

TEST(BatchGrid, HasPowersOfTwoThenStepsThenThreePercent) {
  EXPECT_THAT(batch_grid(40, 8), ElementsAre(1, 2, 4, 8, 16, 24, 32, 40));
  EXPECT_THAT(batch_grid(5, 1), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(batch_grid(3, 8), ElementsAre(1, 2));
  // From 512 sequences on, 64 steps, every other one.
  EXPECT_THAT(batch_grid(550, 8), Contains(504));
  EXPECT_THAT(batch_grid(550, 8), Contains(528));
  EXPECT_THAT(batch_grid(550, 8), Not(Contains(520)));
}

TEST(BatchSearch, FindsTheLargestBatchOnALine) {
  const std::vector<int> grid = batch_grid(512, 8);
  for (const double limit : {0.0105, 0.0141, 0.03, 0.0501, 0.1, 0.2, 0.3}) {
    const auto value = [](int batch) { return 0.01 + 0.0005 * batch; };
    std::optional<int> best;
    for (const int batch : grid)
      if (value(batch) <= limit) best = batch;
    for (const std::optional<int> guess : {std::optional<int>(), std::optional<int>(64)}) {
      const Found found = find(BatchSearch(grid, limit, guess), value);
      EXPECT_EQ(found.batch, best) << limit;
      EXPECT_LE(found.looks, 7) << limit;
    }
  }
}

// A step that is flat at first and steep then: lines mislead, halving does not.
TEST(BatchSearch, EndsSoonWhereNoLineFits) {
  const std::vector<int> grid = batch_grid(512, 8);
  const auto value = [](int batch) { return batch <= 200 ? 1.0 : 1e6 * batch; };
  const Found found = find(BatchSearch(grid, 2), value);
  EXPECT_EQ(found.batch, 200);
  EXPECT_LE(found.looks, 13) << "twice the halvings of " << grid.size() << " batches";
}

TEST(BatchSearch, LooksOnceWhereTheLargestFits) {
  const Found found = find(BatchSearch(batch_grid(512, 8), 1), [](int) { return 0.5; });
  EXPECT_EQ(found.batch, 512);
  EXPECT_EQ(found.looks, 1);
}

TEST(BatchSearch, LooksTwiceAroundAGuessThatIsRight) {
  const auto value = [](int batch) { return 0.01 + 0.0005 * batch; };
  const Found found = find(BatchSearch(batch_grid(512, 8), 0.0501, 80), value);
  EXPECT_EQ(found.batch, 80);
  EXPECT_EQ(found.looks, 2);
}

TEST(BatchSearch, FindsNothingWhereNoBatchKeepsToTheLimit) {
  const std::vector<int> grid = batch_grid(512, 8);
  EXPECT_EQ(find(BatchSearch(grid, 0.01), [](int) { return 0.5; }).batch, std::nullopt);
  const double never = std::numeric_limits<double>::infinity();
  EXPECT_EQ(find(BatchSearch(grid, 1), [&](int) { return never; }).batch, std::nullopt);
}

}  // namespace
}  // namespace moesim
