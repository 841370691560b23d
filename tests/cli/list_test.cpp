// `moesim list`, run as a user runs it.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "analysis/format.hpp"
#include "tests/support/shell.hpp"

namespace moesim {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::StartsWith;

ShellRun moesim(const std::string& flags) {
  return run_shell(std::string(MOESIM_PROGRAM) + " " + flags);
}

TEST(ListCommand, ShowsTheSizesOfTheModels) {
  const ShellRun session = moesim("list models");
  EXPECT_EQ(session.exit_code, 0);
  EXPECT_THAT(session.output, StartsWith("model "));
  EXPECT_THAT(
      session.output,
      ::testing::ContainsRegex("deepseek-v3 +61 \\(58\\) +256 +8 +7168 +2048  1 × 2048 +fp8_block "
                               "+671\\.0 B +37\\.6 B +671\\.0 B / 37\\.0 B  deepseek-ai/"));
  EXPECT_THAT(session.output, ::testing::ContainsRegex("gpt-oss-20b .*bf16, experts mxfp4"));
}

TEST(ListCommand, ShowsTheClusters) {
  const ShellRun session = moesim("list clusters");
  EXPECT_EQ(session.exit_code, 0);
  EXPECT_THAT(session.output, ::testing::ContainsRegex(
                                  "h200-sxm-ib400 +H200 SXM +141 GB +4\\.80 TB/s +989 +1979 +– "
                                  "+132 +1 × 8 +450 GB/s +8 × 50\\.0 GB/s  rail_optimized"));
}

TEST(ListCommand, ShowsEveryParameterOfARole) {
  const ShellRun session = moesim("list topology");
  EXPECT_EQ(session.exit_code, 0);
  EXPECT_THAT(session.output,
              HasSubstr("rail_optimized: NVSwitch nodes with a leaf switch per rail "
                        "and pod, and a spine\n"));
  EXPECT_THAT(session.output,
              ::testing::ContainsRegex("nodes_per_pod +integer +32 +≥ 1 +nodes whose NICs"));
}

TEST(ListCommand, ShowsAllRolesWithoutATopic) {
  const ShellRun session = moesim("list");
  EXPECT_EQ(session.exit_code, 0);
  EXPECT_THAT(session.output, HasSubstr("topology\n  fat_tree "));
  EXPECT_THAT(session.output, HasSubstr("models        26 presets: moesim list models\n"));
}

TEST(ListCommand, GivesOneJsonDocument) {
  const auto models = nlohmann::json::parse(moesim("list models --json").output);
  EXPECT_EQ(models["models"].size(), 26u);
  const auto clusters = nlohmann::json::parse(moesim("list clusters --json").output);
  EXPECT_EQ(clusters["clusters"][0]["name"], "a100-sxm");
  const auto all = nlohmann::json::parse(moesim("list --json").output);
  EXPECT_EQ(all["plugins"]["topology"][0]["parameters"][0]["name"], "nodes_per_leaf");
}

TEST(ListCommand, NamesTheNearestTopic) {
  const ShellRun session = moesim("list topologies");
  EXPECT_EQ(session.exit_code, 2);
  EXPECT_EQ(session.output,
            "error: nothing to list is called 'topologies'\n  hint: did you mean 'topology'?\n");
}

TEST(ListCommand, ShowsWhatEachCalibrationMeasuredAndHowWell) {
  const std::string output = moesim("list calibrations").output;
  EXPECT_THAT(output, ContainsRegex("h200-sxm +H200 SXM +TRTLLM +experts [a-z0-9_]+ [0-9.]+ %"));
  EXPECT_THAT(output, ContainsRegex("deepep_normal [0-9.]+ % local, [0-9.]+ % network"));
  EXPECT_THAT(output, ContainsRegex("a100-sxm +A100 SXM +SGLang +experts bf16 [0-9.]+ %\n"));
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 100u) << line;
}

}  // namespace
}  // namespace moesim
