#include "analysis/compare.hpp"

#include <gmock/gmock.h>

#include "analysis/compare_table.hpp"

namespace moesim {
namespace {

using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

struct Run {
  double throughput, step_time, drop_rate = 0;
};

// Summaries as far as a comparison reads them, with seeds from 1 on.
ComparedVariant variant(const std::string& name, const std::vector<Run>& runs) {
  ComparedVariant result{.name = name};
  for (const Run& run : runs) {
    Json uncertainty = Json::object();
    uncertainty["tokens_per_s_per_gpu"] = {{"low", 0.95 * run.throughput},
                                           {"high", 1.06 * run.throughput}};
    Json metrics = {{"tokens_per_s_per_gpu", run.throughput},
                    {"step_time_s", {{"mean", run.step_time}}},
                    {"bytes", {{"network", 5e9}, {"migration", 0}}},
                    {"drop_rate", run.drop_rate},
                    {"padding_waste", nullptr}};
    result.summaries.push_back({{"seed", result.summaries.size() + 1},
                                {"scenario", Json::object()},
                                {"warnings", {"a warning"}},
                                {"uncertainty", uncertainty},
                                {"metrics", metrics}});
  }
  return result;
}

std::size_t column(const std::string& metric) {
  return static_cast<std::size_t>(find_metric(metric) - compared_metrics().data());
}

const std::vector<ComparedVariant> kThree = {
    variant("linear", {{100, 0.010}, {200, 0.010}, {50, 0.010}}),
    variant("lpt", {{102, 0.008}, {206, 0.008}, {52, 0.008}}),
    variant("random", {{90, 0.009}, {230, 0.010}, {50, 0.008}})};

TEST(Comparison, PairsRunsByTheirSeeds) {
  const VariantComparison found = compare(kThree, {});
  EXPECT_THAT(found.seeds, ElementsAre(1, 2, 3));
  EXPECT_EQ(found.rows[0].difference.finding, Finding::kSame);
  EXPECT_NEAR(found.rows[1].difference.mean, 0.03, 1e-12);
  EXPECT_EQ(found.rows[1].difference.finding, Finding::kHigher);
  // −10, 15 and 0 %.
  EXPECT_EQ(found.rows[2].difference.finding, Finding::kNothing);
  EXPECT_EQ(compare(kThree, {.baseline = 1}).rows[0].difference.finding, Finding::kLower);
}

TEST(Comparison, MarksTheBestByTheDirectionOfAMetric) {
  const VariantComparison found = compare(kThree, {});
  EXPECT_THAT(found.best[column("tokens_per_s_per_gpu")], ElementsAre(2u));  // mean 123.3
  EXPECT_THAT(found.best[column("step_time_s.mean")], ElementsAre(1u));
  EXPECT_TRUE(found.best[column("drop_rate")].empty()) << "all are equal";
}

TEST(Comparison, KeepsTheCalibrationsBandApart) {
  const ComparedRow row = compare(kThree, {}).rows[1];
  ASSERT_TRUE(row.band);
  EXPECT_NEAR(row.band->low, -0.05, 1e-12);
  EXPECT_NEAR(row.band->high, 0.06, 1e-12);
  EXPECT_FALSE(compare(kThree, {.metric = "drop_rate"}).rows[1].band);
}

TEST(Comparison, MovesWhatIsTheSameForAllAboveTheTable) {
  const std::string text = comparison_text(compare(kThree, {}), {.title = "three"}, {});
  EXPECT_THAT(text, HasSubstr("same for all: dropped 0 % · network 5.00 GB · migration 0 B\n"));
  EXPECT_THAT(text, HasSubstr("variant  tokens/s per GPU   step time\n"));
  EXPECT_THAT(text, ContainsRegex("lpt +120 +8.00 ms[*]\n"));
  EXPECT_THAT(text, ContainsRegex("lpt +120 .*[+]3.00 % "));
  EXPECT_THAT(text, ContainsRegex("random .*  no difference that this data can show\n"));
  EXPECT_THAT(text, HasSubstr("warning: a warning\n"));
}

TEST(Comparison, HasAColumnForEachKeyThatWasVaried) {
  std::vector<ComparedVariant> two = {variant("a=1, b=x", {{100, 1}}),
                                      variant("a=2, b=x", {{110, 1}})};
  two[0].labels = {{"a", "1"}, {"b", "x"}};
  two[1].labels = {{"a", "2"}, {"b", "x"}};
  const std::string text = comparison_text(compare(two, {}), {.title = "two"}, {});
  EXPECT_THAT(text, AllOf(HasSubstr("same for all: b x · step time 1.00 s"),
                          HasSubstr("a  tokens/s per GPU\n1               100")));
  EXPECT_THAT(text, HasSubstr("difference of tokens/s per GPU to a=1, b=x\n"));
  two[1].labels = {{"a", "2"}, {"b", "y"}};
  EXPECT_THAT(comparison_text(compare(two, {}), {.title = "two"}, {}),
              HasSubstr("a  b  tokens/s per GPU"));
  two[1].labels.pop_back();
  EXPECT_THAT(comparison_text(compare(two, {}), {.title = "two"}, {}),
              HasSubstr("variant   tokens/s per GPU\na=1, b=x"));
}

TEST(Comparison, SaysThatOneSeedShowsNoSpread) {
  const std::string text = comparison_text(
      compare({variant("a", {{100, 1}}), variant("b", {{110, 1}})}, {}), {.title = "two"}, {});
  EXPECT_THAT(text, HasSubstr("+10.0 %"));
  EXPECT_THAT(text, HasSubstr("one seed says nothing of how a difference varies"));
  EXPECT_THAT(text, Not(HasSubstr("+10.0 % (")));
}

TEST(Comparison, NamesTheBestAndWhetherTheNextIsBehind) {
  // 123 and 120 on the mean, and by pairs −12, +12 and −4 %.
  EXPECT_THAT(
      comparison_text(compare(kThree, {}), {.title = "three"}, {}),
      ContainsRegex("random, but against lpt, the next,[ \n]+no[ \n]+difference[ \n]+that[ \n]+"
                    "this[ \n]+data[ \n]+can[ \n]+show:[ \n]+−1.32"));
  EXPECT_THAT(
      comparison_text(compare({kThree[0], kThree[1]}, {}), {.title = "two"}, {}),
      ContainsRegex("best in tokens/s per GPU: lpt, [+]3.00 % .* against linear, the next\n"));
  EXPECT_THAT(comparison_text(compare({variant("a", {{100, 1}}), variant("b", {{100, 1}})}, {}),
                              {.title = "same"}, {}),
              Not(HasSubstr("best in")));
}

TEST(Comparison, DrawsABarForEachVariant) {
  const std::vector<ComparedVariant> two = {variant("a", {{50, 1}}), variant("b", {{100, 1}})};
  std::string half, whole;
  for (int i = 0; i < 10; ++i) half += "█";
  whole = half + half;
  EXPECT_THAT(comparison_text(compare(two, {}), {.title = "two"}, {}),
              AllOf(HasSubstr(" 50  " + half + "  "), HasSubstr("100  " + whole + "  ")));
}

// A recorded trace is the same for every seed: runs that are equal are one, not many that agree.
TEST(Comparison, TakesRunsThatDoNotDependOnTheSeedForOne) {
  const VariantComparison found =
      compare({variant("a", {{100, 1}, {100, 1}}), variant("b", {{110, 1}, {110, 1}})}, {});
  EXPECT_TRUE(found.seeds_alike);
  EXPECT_EQ(found.rows[1].difference.finding, Finding::kUnknown);
  EXPECT_FALSE(found.rows[1].difference.interval);
  EXPECT_THAT(comparison_text(found, {.title = "two"}, {}), HasSubstr("depends on the seed"));
  EXPECT_FALSE(compare(kThree, {}).seeds_alike);
}

TEST(Comparison, MarksNoBestThatNobodyCanSee) {
  const std::string text = comparison_text(
      compare({variant("a", {{100, 1.0001}}), variant("b", {{110, 1}})}, {}), {.title = "two"}, {});
  EXPECT_THAT(text, ContainsRegex("b +110[*] +1.00 s\n"));
}

TEST(Comparison, ComesAsMarkdownAndCsv) {
  const VariantComparison found = compare(kThree, {});
  EXPECT_THAT(comparison_markdown(found, {.title = "three"}),
              HasSubstr("| lpt | 120 | **8.00 ms** |\n"));
  const std::string csv =
      comparison_csv(compare({variant("a=1, b=2", {{100, 1}}), variant("c", {{150, 1}})}, {}));
  EXPECT_THAT(csv, HasSubstr("\n\"a=1, b=2\",100,,1,"));
  EXPECT_THAT(csv, HasSubstr(",0.5,,,one_seed,"));
}

TEST(Comparison, AllowsForNoiseBeforeAVariantFails) {
  const VariantComparison more = compare(kThree, {});
  // The interval's upper end.
  EXPECT_NEAR(best_case_ratio(more.rows[1], *more.metric), 1.0548, 1e-4);
  const VariantComparison less = compare(kThree, {.metric = "step_time_s.mean"});
  EXPECT_NEAR(best_case_ratio(less.rows[1], *less.metric), 1.25, 1e-12);
}

TEST(Comparison, HasNoDifferenceWhereAMetricIsNotDefined) {
  const VariantComparison found = compare(kThree, {.metric = "padding_waste"});
  EXPECT_FALSE(found.rows[1].has_difference);
  EXPECT_EQ(shown_difference(found.rows[1], false), "not defined");
}

}  // namespace
}  // namespace moesim
