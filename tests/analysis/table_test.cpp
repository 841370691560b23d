#include "analysis/table.hpp"

#include <gmock/gmock.h>

#include <sstream>

#include "analysis/format.hpp"
#include "tests/analysis/example_run.hpp"

namespace moesim {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

std::string example_table() { return run_table(example_scenario(), example_result(), {}); }

TEST(RunTable, SaysWhatMatters) {
  const std::string table = example_table();
  for (const char* text :
       {"Tiny-8x1 on 2 × test GPU in 1 node (h200-sxm-ib400)",
        "decode · 500 tokens per GPU · 2 steps · seed 7",
        "trace balanced · placement linear · exchange direct",
        "50.0 k tokens/s (43.9 k to 58.0 k: kernels are ± 13.9 %) · 25.0 k tokens/s per GPU",
        "mean 20.0 ms · p50 20.0 ms · p95 29.0 ms · p99 29.8 ms · max 30.0 ms",
        "busiest GPU 1.30 × mean · busiest expert 2.50 × mean · GPU load CV 0.300",
        "5.00 % of the routes · 1.00 % of the tokens of a layer lose all routes",
        "NVLink 4.00 MB · network 1.50 MB per step",
        "NVLink 25.0 % node0.gpu1.nvlink_out (dispatch 20.0 %, combine 5.00 %) · mean 12.5 %",
        "NIC 50.0 % node0.gpu1.nic_in · mean 25.0 % · 30.0 % taken by other traffic",
        "62.5 % of the time busy · MFU 20.0 % · memory up to 60.0 GB of 80.0 GB",
        "MoE layer 1, GPU 1, expert 5: costs 500 µs of each step (2.50 %)",
        "network fluid (tolerance 0.003) · kernels h200-sxm",
        "warning: 8 recorded layers are repeated for 16"})
    EXPECT_THAT(table, HasSubstr(text));
  EXPECT_THAT(table, Not(HasSubstr("spine")));   // there is none
  EXPECT_THAT(table, Not(HasSubstr("shared")));  // takes no time
}

// Of 20 ms a step.
TEST(RunTable, SaysWhatKernelsHideBesideThePhaseThatTheyHide) {
  RunResult result = example_result();
  EXPECT_THAT(
      run_table(example_scenario(), result, {}),
      AllOf(HasSubstr("2.00 ms   10.0 %  + 1.00 ms hidden\n"), Not(HasSubstr("migration"))));
  for (StepRecord& step : result.steps) {
    step.communication = {};
    step.communication.hidden[static_cast<std::size_t>(Phase::kMigration)] = 0.002;
  }
  const std::string table = run_table(example_scenario(), result, {});
  EXPECT_THAT(table, ContainsRegex("migration +0 s +< 0.01 %  \\+ 2.00 ms hidden\n"));
  EXPECT_THAT(table, ContainsRegex("dispatch [^+]+combine"));
}

TEST(RunTable, SaysWhyASpineIsNeverBusy) {
  RunResult result = example_result();
  result.links.classes.push_back({.kind = LinkKind::kSpine, .bytes = 2e9});
  EXPECT_THAT(run_table(example_scenario(), result, {}),
              HasSubstr("spine 2.00 GB per step · as wide as the NICs: never full\n"));
}

// Two of one layer and one of the other.
TEST(RunTable, SaysWhoseWeightsTravel) {
  Scenario scenario = example_scenario();
  RunResult result = example_result();
  EXPECT_THAT(run_table(scenario, result, {}), Not(HasSubstr("travel")));
  scenario.step_placement.kind = "shadowing";
  result.layers[0].travelling_experts = 2;
  result.layers[1].travelling_experts = 1;
  result.temporary_copies = {3, 2};
  const std::string table = run_table(scenario, result, {});
  EXPECT_THAT(table, HasSubstr("exchange direct · step_placement shadowing\n"));
  EXPECT_THAT(table, HasSubstr("of 1.50 experts travel to a layer's tokens · up to 3 on a GPU\n"));
}

// Of 20 ms: 8 experts, 5 wait; the longest bar has 40 columns.
TEST(RunTable, DrawsABarForEachPhaseThatTakesTime) {
  const std::string table = example_table();
  std::string forty, twenty_five;
  for (int i = 0; i < 40; ++i) forty += "█";
  for (int i = 0; i < 25; ++i) twenty_five += "█";
  EXPECT_THAT(table, HasSubstr("experts       " + forty + "   8.00 ms   40.0 %\n"));
  EXPECT_THAT(table, HasSubstr("wait          " + twenty_five + std::string(15, ' ') +
                               "   5.00 ms   25.0 %\n"));
}

TEST(RunTable, StaysWithinAHundredColumns) {
  RunResult result = example_result();
  result.warnings.push_back(std::string(40, 'x') + " " + std::string(40, 'y') + " " +
                            std::string(40, 'z'));
  result.links.classes[0].busiest.name = std::string(60, 's');
  std::istringstream lines(run_table(example_scenario(), result, {.colour = true}));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 100u) << line;
}

TEST(RunTable, ColoursOnlyWhenAsked) {
  EXPECT_THAT(example_table(), Not(HasSubstr("\x1b")));
  std::string coloured = run_table(example_scenario(), example_result(), {.colour = true});
  EXPECT_THAT(coloured, HasSubstr("\x1b[33mwarning:\x1b[0m"));
  for (std::size_t at; (at = coloured.find('\x1b')) != std::string::npos;)
    coloured.erase(at, coloured.find('m', at) - at + 1);
  EXPECT_EQ(coloured, example_table());
}

TEST(RunTable, ARunWithoutStepsStillPrints) {
  EXPECT_THAT(run_table(example_scenario(), RunResult{.scenario = "empty"}, {}),
              HasSubstr("– tokens/s"));
}

}  // namespace
}  // namespace moesim
