#include "sim/calibration/suspects.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/shared_data.hpp"

namespace moesim {
namespace {

MoeRow row(int tp, int ep, int tokens, double seconds, std::string distribution = "balanced") {
  return {.system = "H200",
          .framework = "F",
          .kernel_source = "k",
          .distribution = std::move(distribution),
          .dtype_name = "fp8",
          .dtype = DType::kFp8,
          .hidden = 1024,
          .width = 512,
          .top_k = 2,
          .experts = 8,
          .tp = tp,
          .ep = ep,
          .tokens = tokens,
          .measured = Seconds(seconds)};
}

TEST(FindSuspects, NamesTheGroupThatIsSlowerThanOneWithMoreToDo) {
  const std::vector<SuspectGroup> found =
      find_suspects({row(1, 1, 1, 10), row(1, 1, 64, 20), row(1, 1, 512, 40), row(1, 2, 1, 9),
                     row(1, 2, 64, 44), row(1, 2, 512, 60), row(2, 2, 1, 8), row(2, 2, 64, 15)});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].row.ep, 2);
  EXPECT_EQ(found[0].row.tp, 1);
  EXPECT_DOUBLE_EQ(found[0].slowdown, 1.5);  // the median of 0.9, 2.2 and 1.5
  EXPECT_EQ(to_string(found[0]),
            "H200 F k fp8 balanced, 1024 x 512, top 2 of 8, TP 1, EP 2: 1.50 times as slow as TP "
            "1, EP 1");
}

TEST(FindSuspects, DoesNotCompareConfigurationsThatCutDifferently) {
  EXPECT_TRUE(find_suspects({row(2, 1, 64, 10), row(1, 2, 64, 30)}).empty());
}

TEST(FindSuspects, JudgesEachDistributionByItself) {
  const std::vector<MoeRow> rows = {row(1, 1, 64, 10), row(1, 2, 64, 9),
                                    row(1, 1, 64, 20, "power_law_1.01"),
                                    row(1, 2, 64, 90, "power_law_1.01")};
  const std::vector<SuspectGroup> found = find_suspects(rows);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].row.distribution, "power_law_1.01");
  SuspectGroups groups;
  groups.add(found[0].row);
  EXPECT_TRUE(groups.contain(rows[3]));
  EXPECT_FALSE(groups.contain(rows[1]));
}

// Two routes to eight experts on two ranks: a power law may put both on the rank that is measured,
// where even loads put one. It may take longer as much as more of its experts have rows.
TEST(FindContradicted, AllowsADistributionWhatItsExpertsNeed) {
  TableLoads loads(1, 8);
  double active = 0;
  for (const std::vector<int>& draw : loads.of(row(1, 2, 1, 1, "power_law_1.01")))
    for (const int rows : draw) active += rows > 0 ? 1.0 / 8 : 0;
  ASSERT_GT(active, 1);  // of even loads: exactly one
  const auto found = [&](double slowdown) {
    return find_contradicted({row(1, 2, 1, 1), row(1, 2, 1, slowdown * active, "power_law_1.01")},
                             loads);
  };
  EXPECT_TRUE(found(1.2).empty());
  ASSERT_EQ(found(1.4).size(), 1U);
  EXPECT_NEAR(found(1.4)[0].slowdown, 1.4, 1e-12);
  EXPECT_THAT(to_string(found(1.4)[0]),
              testing::HasSubstr("1.40 times as slow as TP 1, EP 2, balanced"));
}

TEST(FindContradicted, ComparesCallsOfFewTokensWithLessParallelOnes) {
  TableLoads loads(1, 8);
  // At 64 tokens skew is a reason to be slower, at one token none is.
  EXPECT_TRUE(
      find_contradicted({row(1, 1, 64, 10), row(1, 1, 64, 50, "power_law_1.01")}, loads).empty());
  const std::vector<SuspectGroup> found =
      find_contradicted({row(1, 1, 1, 10, "power_law_1.01"), row(2, 1, 1, 20)}, loads);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found[0].row.balanced());
  EXPECT_EQ(found[0].less_distribution, "power_law_1.01");
  // More parallel ones do less, so they contradict nothing.
  EXPECT_TRUE(
      find_contradicted({row(1, 1, 1, 20, "power_law_1.01"), row(2, 1, 1, 10)}, loads).empty());
}

// The list that lies with the tables is of groups with balanced rows that are too slow.
TEST(FindSuspectsInSharedTables, FindsWhatTheGivenListNames) {
  MOESIM_NEEDS_SHARED(list, "moe_kernel_suspect_groups.csv");
  const SuspectGroups given(MeasuredTable::read(list));
  int found = 0, listed = 0;
  for (const std::string gpu : {"a100", "h100", "h200"})
    for (const std::string framework : {"sglang", "trtllm", "vllm"}) {
      MOESIM_NEEDS_SHARED(file, "moe_kernel_" + gpu + "_" + framework + ".csv.gz");
      const MeasuredTable table = MeasuredTable::read(file);
      std::vector<MoeRow> rows;
      for (std::size_t i = 0; i < table.rows(); ++i) rows.push_back(read_moe_row(table, i));
      for (const SuspectGroup& group : find_suspects(rows)) {
        if (!group.row.balanced()) continue;
        ++found;
        listed += given.contain(group.row) ? 1 : 0;
      }
    }
  const double precision = static_cast<double>(listed) / found;
  const double recall = static_cast<double>(listed) / static_cast<double>(given.size());
  RecordProperty("precision", std::to_string(precision));
  RecordProperty("recall", std::to_string(recall));
  EXPECT_GE(precision, 0.95) << found << " found";
  EXPECT_GE(recall, 0.95) << given.size() << " listed";
}

}  // namespace
}  // namespace moesim
