// What commands print on screens of several kinds, and as CSV and Markdown.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "analysis/format.hpp"
#include "analysis/metric_catalog.hpp"
#include "tests/support/program.hpp"

namespace moesim {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const std::vector<std::string> kSmall = {"-q", "--set", "workload.steps=1", "--set",
                                         "model.layers=2"};

std::vector<std::string> small(std::vector<std::string> words,
                               const std::vector<std::string>& more = {}) {
  words.insert(words.end(), kSmall.begin(), kSmall.end());
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::string printed(const std::vector<std::string>& words,
                    const std::map<std::string, std::string>& environment = {}) {
  const Session session = run_program(words, MOESIM_SOURCE_DIR, environment);
  EXPECT_EQ(session.exit_code, 0) << session.err;
  return session.out;
}

void expect_fits(const std::string& text, std::size_t columns) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    EXPECT_LE(display_width(line), columns) << line;
}

const std::vector<std::string> kRun = small({"run", "scenarios/quickstart.yaml"});
const std::vector<std::string> kCompare =
    small({"compare", "scenarios/quickstart.yaml"}, {"--vary", "placement=linear,lpt"});

TEST(Terminal, NoLineIsWiderThanTheScreen) {
  for (const char* columns : {"60", "80", "100"})
    for (const auto& words : {kRun,
                              kCompare,
                              {"list", "models"},
                              {"list", "clusters"},
                              {"list", "placement"},
                              {"list"},
                              {"help"},
                              {"help", "placement.eplb"}})
      expect_fits(printed(words, {{"COLUMNS", columns}}), std::stoul(columns));
}

TEST(Terminal, APipeGetsAllColumns) {
  EXPECT_THAT(printed({"list", "models"}), HasSubstr("source\n"));
  const std::string narrow = printed({"list", "models"}, {{"COLUMNS", "80"}});
  EXPECT_THAT(narrow, Not(HasSubstr("source\n")));
  EXPECT_THAT(narrow, HasSubstr("(no room for: "));
}

TEST(Terminal, SpeaksAsciiInALocaleThatIsNotUtf8) {
  for (const auto& words : {kRun, kCompare, {"list", "capacity"}, {"list", "clusters"}, {"help"}}) {
    const std::string text = printed(words, {{"LC_ALL", "C"}});
    for (const char c : text) ASSERT_LT(static_cast<unsigned char>(c), 0x80) << text;
  }
  EXPECT_THAT(printed(kCompare, {{"LC_ALL", "C"}}), HasSubstr("####"));
  EXPECT_THAT(printed(kCompare), HasSubstr("████"));
}

TEST(Terminal, ColoursAsAsked) {
  EXPECT_THAT(printed(kCompare), Not(HasSubstr("\x1b[")));
  std::vector<std::string> words = kCompare;
  words.insert(words.end(), {"--color", "always"});
  EXPECT_THAT(printed(words), HasSubstr("\x1b[1m"));
}

TEST(RunCommand, PrintsItsMetricsAsCsvAndMarkdown) {
  std::vector<std::string> words = kRun;
  const auto json = nlohmann::json::parse(printed(small(kRun, {"--json"})));
  const std::string csv = printed(small(kRun, {"--csv"}));
  EXPECT_THAT(csv, StartsWith("metric,value,low,high\ntokens_per_s,"));
  std::istringstream lines(csv);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("step_time_s.p99,")) {
      EXPECT_EQ(std::stod(line.substr(16)), json["metrics"]["step_time_s"]["p99"].get<double>());
    }
  EXPECT_THAT(printed(small(kRun, {"--markdown"})),
              ContainsRegex("\\| mfu \\| [0-9.]+ % \\| [0-9.]+ % \\| [0-9.]+ % \\|\n"));
  EXPECT_EQ(run_program(small(kRun, {"--csv", "--json"})).exit_code, 2);
  EXPECT_THAT(run_program(small(kRun, {"--csv", "--dry-run"})).err,
              HasSubstr("is a form of the metrics of a run"));
}

// A metric without a word about it, and a word about nothing, are both mistakes.
TEST(MetricCatalog, SaysWhatEveryMetricIs) {
  std::set<std::string> used;
  const auto look = [&](const std::vector<std::string>& words) {
    std::istringstream lines(printed(words));
    std::string line;
    for (std::getline(lines, line); std::getline(lines, line);) {
      const std::string name = line.substr(0, line.find(','));
      const MetricInfo* info = find_metric_info(name);
      ASSERT_NE(info, nullptr) << name;
      used.insert(info->name);
    }
  };
  look(small(kRun, {"--csv"}));
  look({"run", "scenarios/serving_olmoe_pd.yaml", "-q", "--csv", "--set", "requests.count=20"});
  for (const MetricInfo& metric : metric_catalog())
    EXPECT_TRUE(used.contains(metric.name)) << metric.name;
  for (const ComparedMetric& metric : compared_metrics())
    EXPECT_NE(find_metric_info(metric.name), nullptr) << metric.name;
}

TEST(ListCommand, PrintsATopicAsCsvAndMarkdown) {
  EXPECT_THAT(printed({"list", "models", "--csv"}),
              ContainsRegex("\ndeepseek-v3,61 \\(58\\),256,8,"));
  EXPECT_THAT(printed({"list", "clusters", "--markdown"}),
              StartsWith("| cluster | GPU | memory |"));
  EXPECT_THAT(printed({"list", "placement", "--csv"}), HasSubstr("\neplb,redundant,"));
  EXPECT_THAT(printed({"list", "placement", "--markdown"}), HasSubstr("**`eplb`**"));
  EXPECT_THAT(printed({"list", "--csv"}), HasSubstr("\nmodels,deepseek-v3,preset,"));
}

TEST(PlaceTable, ComesAsCsv) {
  const TemporaryDirectory folder;
  std::ofstream(folder / "loads.json") << "[[3, 1, 1, 1]]";
  // Two experts a GPU: 4 and 2 of a mean of 3, in any order.
  EXPECT_THAT(printed({"place", folder / "loads.json", "--gpus", "2", "--set", "placement.kind=lpt",
                       "--csv"}),
              StartsWith("layer,linear_max_over_mean,max_over_mean,lower_bound,hottest_gpu,"
                         "top_expert,copies\n0,1.3333333333333333,1.3333333333333333,"));
}

}  // namespace
}  // namespace moesim
