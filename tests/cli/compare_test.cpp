// Sessions of `moesim compare`, and its ranges.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "analysis/json.hpp"
#include "sim/cli/vary.hpp"
#include "tests/support/mistakes.hpp"
#include "tests/support/program.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> values(const std::string& text) { return parse_vary(text).values; }

TEST(Vary, TakesListsAndRanges) {
  EXPECT_EQ(parse_vary("a.b=1,2").key, "a.b");
  EXPECT_THAT(values("a=x, y"), ElementsAre("x", "y"));
  EXPECT_THAT(values("a={kind: eplb, redundant: 8},lpt"),
              ElementsAre("{kind: eplb, redundant: 8}", "lpt"));
  EXPECT_THAT(values("a=0:64:32"), ElementsAre("0", "32", "64"));
  EXPECT_THAT(values("a=0.1:0.3:0.1"), ElementsAre("0.1", "0.2", "0.3"));
  EXPECT_THAT(values("a=1:100:x4"), ElementsAre("1", "4", "16", "64"));
  EXPECT_THAT(values("a=fluid:0:x"), ElementsAre("fluid:0:x")) << "no range";
}

TEST(Vary, CombinesInTheOrderGiven) {
  EXPECT_THAT(combinations({{"a", {"1", "2"}}, {"b", {"3", "4"}}}),
              ElementsAre(ElementsAre("a=1", "b=3"), ElementsAre("a=1", "b=4"),
                          ElementsAre("a=2", "b=3"), ElementsAre("a=2", "b=4")));
}

TEST(Vary, SaysWhereItIsWrong) {
  const auto mistake = [](const std::string& text) {
    return mistake_of([&] { parse_vary(text); });
  };
  EXPECT_THAT(mistake("a"), HasSubstr("--vary needs KEY=VALUES"));
  EXPECT_THAT(mistake("a=1,,2"), HasSubstr("--vary:1:5: error: there is a value missing"));
  EXPECT_THAT(mistake("a=9:1:1"), HasSubstr("--vary:1:5: error: the range ends below its start"));
  EXPECT_THAT(mistake("a=1:9:0"), HasSubstr("--vary:1:7: error: the range never comes to its end"));
  EXPECT_THAT(mistake("a=0:9:x2"), HasSubstr("a start above 0"));
  EXPECT_THAT(mistake("a=0:1:1e-9"), HasSubstr("more than 1000 values"));
}

Session compare_small(std::vector<std::string> more) {
  std::vector<std::string> words = {"compare",       "scenarios/quickstart.yaml", "-q",
                                    "--set",         "workload.steps=1",          "--set",
                                    "model.layers=2"};
  words.insert(words.end(), more.begin(), more.end());
  return run_program(words);
}

TEST(CompareCommand, GivesTheSameBytesForAnyNumberOfJobs) {
  const auto session = [](const std::string& jobs) {
    return compare_small({"--vary", "placement=linear,lpt", "--seeds", "2", "--json", "-j", jobs});
  };
  const Session one = session("1");
  ASSERT_EQ(one.exit_code, 0) << one.err;
  EXPECT_EQ(one.out, session("3").out);
  const Json json = Json::parse(one.out);
  EXPECT_EQ(json["schema"], "moesim.compare/1");
  EXPECT_EQ(json["baseline"], "placement=linear");
  EXPECT_EQ(json["seeds"], Json({1, 2}));
  ASSERT_EQ(json["variants"].size(), 2u);
  // The draws are those of `moesim run`.
  const Session run =
      run_program({"run", "scenarios/quickstart.yaml", "-q", "--json", "--set", "workload.steps=1",
                   "--set", "model.layers=2", "--set", "placement=lpt", "--seed", "2"});
  EXPECT_EQ(json["variants"][1]["runs"][1]["metrics"], Json::parse(run.out)["metrics"]);
}

TEST(CompareCommand, ComparesScenarioFilesAndWritesADirectory) {
  const TemporaryDirectory folder;
  for (const char* name : {"first", "second"})
    std::ofstream(folder / (std::string(name) + ".yaml"))
        << "model: {preset: olmoe-1b-7b, layers: 2}\ncluster: {preset: h100-sxm, nodes: 1}\n"
        << "workload: {tokens_per_gpu: 64, steps: 1}\ntrace: {kind: lognormal, sigma: 1}\n"
        << "placement: " << (std::string(name) == "first" ? "linear" : "lpt") << "\n";
  const std::string out = (folder / "out").string();
  const Session session =
      run_program({"compare", (folder / "first.yaml").string(), (folder / "second.yaml").string(),
                   "--baseline", "second", "-q", "-o", out});
  ASSERT_EQ(session.exit_code, 0) << session.err;
  EXPECT_THAT(session.out, HasSubstr("first and second\n"));
  EXPECT_EQ(Json::parse(file_text(out + "/summary.json"))["baseline"], "second");
  EXPECT_THAT(file_text(out + "/compare.csv"), HasSubstr("\nfirst,"));
  EXPECT_THAT(file_text(out + "/compare.md"), HasSubstr("| first |"));
}

// A quarter of the tokens a step: far below half of the throughput of the other.
TEST(CompareCommand, FailsWhereAVariantIsBelow) {
  const std::vector<std::string> vary = {"--vary", "workload.tokens_per_gpu=1024,16"};
  const auto with = [&](const std::string& share) {
    std::vector<std::string> words = vary;
    words.insert(words.end(), {"--fail-below", share});
    return compare_small(words);
  };
  const Session below = with("0.97");
  EXPECT_EQ(below.exit_code, 1);
  EXPECT_THAT(below.err, HasSubstr("workload.tokens_per_gpu=16 is below 0.97 of the baseline"));
  EXPECT_EQ(with("0.001").exit_code, 0);
}

TEST(CompareCommand, SaysWhatItCannotDo) {
  const auto refused = [](const std::vector<std::string>& words) {
    const Session session = compare_small(words);
    EXPECT_EQ(session.exit_code, 2);
    return session.err;
  };
  EXPECT_THAT(refused({}), HasSubstr("there is nothing to compare this with"));
  EXPECT_THAT(refused({"--vary", "seed=1,2"}), HasSubstr("say --seeds N"));
  EXPECT_THAT(refused({"--vary", "placement=linear,lptt"}), HasSubstr("'lpt'"));
  EXPECT_THAT(refused({"--vary", "placement=linear,lpt", "--baseline", "eplb"}),
              HasSubstr("one of: placement=linear; placement=lpt"));
  EXPECT_THAT(refused({"--vary", "placement=linear,lpt", "--metric", "speed"}),
              HasSubstr("one of: tokens_per_s_per_gpu, "));
}

}  // namespace
}  // namespace moesim
