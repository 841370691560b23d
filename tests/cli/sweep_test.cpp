// Sessions of `moesim sweep`: results, interruptions, what is not run again, and what fails.
#include <gmock/gmock.h>

#include <chrono>
#include <csignal>
#include <thread>
#include <utility>

#include "analysis/json.hpp"
#include "analysis/sweep/database.hpp"
#include "analysis/sweep/sweep_metrics.hpp"
#include "sim/base/error.hpp"
#include "tests/support/background_program.hpp"
#include "tests/support/sweep_folder.hpp"

namespace moesim {
namespace {

using ::testing::HasSubstr;

constexpr const char* kServing =
    "model: {preset: olmoe-1b-7b, layers: 2}\ncluster: {preset: h200-sxm-ib400, nodes: 1}\n"
    "requests: {kind: poisson, rate: 100, duration: 200 ms, input: {kind: fixed, mean: 200},"
    " output: {kind: fixed, mean: 4}}\nserving: {ttft: 1 s}\ntrace: {kind: balanced}\n"
    "workload: {step_cache: off}\nnetwork: {fidelity: analytic}\n";

int done_in(const std::filesystem::path& results) {
  if (!std::filesystem::exists(results)) return 0;
  try {
    const SweepTable table = read_sweep(results);
    return static_cast<int>(std::count_if(table.rows.begin(), table.rows.end(),
                                          [](const auto& row) { return row.status == "done"; }));
  } catch (const InputError&) {  // the tables are not there yet
    return 0;
  }
}

constexpr const char* kGrid =
    "matrix:\n  placement: [linear, lpt]\n  workload.tokens_per_gpu: 32:256:x2\nseeds: 3\n";

TEST(SweepCommand, GivesTheSameBytesHoweverOftenItIsInterrupted) {
  const SweepFolder folder(kGrid);
  const Session whole = folder.run("whole.sqlite", {"-j", "3"});
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  EXPECT_THAT(whole.out, HasSubstr("s: 8 points of base, 3 seeds\nthe best 5 by tokens/s per GPU"));
  int done = 0;
  for (const int signal : {SIGINT, SIGKILL, SIGTERM}) {
    BackgroundProgram program(folder.words("parts.sqlite", {"-j", "1"}), folder / "");
    while (program.is_running() && done_in(folder / "parts.sqlite") < done + 3)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    program.kill(signal);
    EXPECT_EQ(program.wait(), signal == SIGINT ? 130 : 128 + signal);
    const int before = std::exchange(done, done_in(folder / "parts.sqlite"));
    EXPECT_GE(done, before + 3);
    EXPECT_LT(done, 24);
  }
  const Session rest = folder.run("parts.sqlite");
  ASSERT_EQ(rest.exit_code, 0) << rest.err;
  EXPECT_THAT(rest.err, HasSubstr("24 runs, " + std::to_string(24 - done) + " to do"));
  EXPECT_EQ(rest.out, whole.out);
  EXPECT_EQ(folder.csv("parts.sqlite"), folder.csv("whole.sqlite"));
  EXPECT_THAT(folder.run("parts.sqlite").err, HasSubstr("24 runs, 0 to do"));
}

TEST(SweepCommand, HasTheMetricsOfARunOfEveryPoint) {
  const SweepFolder folder("matrix: {placement: [linear, lpt]}\nseeds: [5]\n");
  ASSERT_EQ(folder.run("s.sqlite").exit_code, 0);
  const SweepRow row = folder.table("s.sqlite").rows.at(1);
  const Session run = run_program(
      {"run", "base.yaml", "--set", "placement=lpt", "--seed", "5", "--json", "-q"}, folder / "");
  int compared = 0;
  for (const auto& [name, value] : summary_numbers(Json::parse(run.out)))
    if (const auto index = sweep_metric_index(name)) {
      EXPECT_EQ(row.metrics[*index], value) << name;
      ++compared;
    }
  EXPECT_GE(compared, 40);
}

// Every number of a summary's metrics has a column: of a step batch, and of a serving run.
TEST(SweepMetrics, LeaveNoMetricOut) {
  for (const char* base : {kSweptScenario, kServing}) {
    const SweepFolder folder("matrix: {a: 1}\n", base);
    const Session run = run_program({"run", "base.yaml", "--json", "-q"}, folder / "");
    ASSERT_EQ(run.exit_code, 0) << run.err;
    for (const auto& [name, value] : summary_numbers(Json::parse(run.out)))
      EXPECT_TRUE(sweep_metric_index(name) || name.starts_with("serving.normalized")) << name;
  }
}

TEST(SweepCommand, SweepsRequests) {
  const SweepFolder folder("matrix: {requests.rate: [50, 100]}\n", kServing);
  const Session session = folder.run("s.sqlite", {"--metric", "ttft_s.mean"});
  ASSERT_EQ(session.exit_code, 0) << session.err;
  const std::string header = folder.csv("s.sqlite").substr(0, 2000);
  for (const char* name : {",ttft_s.p99,", ",goodput_requests_per_s,", ",serving.requests,"})
    EXPECT_THAT(header, HasSubstr(name));
  EXPECT_GT(folder.table("s.sqlite").rows[1].metrics[*sweep_metric_index("serving.requests")], 5);
}

TEST(SweepCommand, RecordsPointsThatFailAndGoesOn) {
  const SweepFolder folder("matrix: {workload.tokens_per_gpu: [64, 900000000, 128]}\n");
  const Session session = folder.run("s.sqlite", {"--json"});
  EXPECT_EQ(session.exit_code, 1);
  const Json json = Json::parse(session.out);
  EXPECT_EQ(json["schema"], "moesim.sweep/1");
  EXPECT_EQ(json["done"], 2);
  ASSERT_EQ(json["failed"].size(), 1u);
  EXPECT_EQ(json["failed"][0]["point"], 2);
  EXPECT_THAT(json["failed"][0]["error"].get<std::string>(), HasSubstr("error: "));
  EXPECT_THAT(folder.csv("s.sqlite"), HasSubstr("\n2,1,900000000,failed,"));
}

TEST(SweepCommand, RunsAgainOnlyWhatHasChanged) {
  const SweepFolder folder("matrix: {model: [m.yaml, olmoe-1b-7b], placement: [linear, lpt]}\n");
  write_file(folder / "m.yaml", "preset: olmoe-1b-7b\nlayers: 1\n");
  EXPECT_THAT(folder.run("s.sqlite").err, HasSubstr("4 runs, 4 to do"));
  EXPECT_THAT(folder.run("s.sqlite").err, HasSubstr("4 runs, 0 to do"));
  write_file(folder / "m.yaml", "preset: olmoe-1b-7b\nlayers: 3\n");
  EXPECT_THAT(folder.run("s.sqlite").err, HasSubstr("4 runs, 2 to do"));
  write_file(folder / "s.yaml",
             "scenario: base.yaml\nmatrix: {placement: [lpt, random, linear], model: [m.yaml]}\n");
  EXPECT_THAT(folder.run("s.sqlite").err, HasSubstr("3 runs, 1 to do"));
  EXPECT_THAT(folder.run("s.sqlite", {"--set", "workload.steps=2"}).err,
              HasSubstr("3 runs, 3 to do"));
}

TEST(SweepCommand, ChecksEveryPointBeforeTheFirstRun) {
  const auto refused = [](const std::string& sweep, const std::vector<std::string>& more = {}) {
    const SweepFolder folder(sweep);
    const Session session = folder.run("s.sqlite", more);
    EXPECT_EQ(session.exit_code, 2);
    EXPECT_EQ(session.out, "");
    EXPECT_FALSE(std::filesystem::exists(folder / "s.sqlite"));
    return session.err;
  };
  EXPECT_THAT(refused("matrix: {placment.kind: [lpt, linear]}\n"),
              HasSubstr("s.yaml:2:10: error: a scenario has no key 'placment'"));
  EXPECT_THAT(refused("matrix:\n  placement: [linear, lpt]\n  workload.tokns: [1]\n"),
              HasSubstr("s.yaml:4:12: error: section 'workload' has no key 'tokns'"));
  EXPECT_THAT(refused("matrix: {placement: [lptt, linar]}\n"),
              HasSubstr("s.yaml:2:22: error: no placement is called 'lptt'"));
  EXPECT_THAT(refused("matrix: {placement: [lpt]}\n", {"--set", "placement.redundant=8"}),
              HasSubstr("the sweep varies 'placement'"));
  EXPECT_THAT(refused("matrix: {placement: [lpt]}\n", {"--metric", "step_time_s"}),
              HasSubstr("no metric of which less or more is better"));
}

TEST(SweepCommand, PreviewsWhatWouldRun) {
  const SweepFolder folder("matrix: {placement: [linear, lpt]}\n");
  const Session before = folder.run("s.sqlite", {"--dry-run"});
  EXPECT_THAT(before.out, HasSubstr("s: 2 points of base, 2 runs, 0 of them in s.sqlite"));
  EXPECT_FALSE(std::filesystem::exists(folder / "s.sqlite"));
  folder.run("s.sqlite");
  EXPECT_THAT(folder.run("s.sqlite", {"--dry-run"}).out, HasSubstr("2 of them in s.sqlite"));
}

// Whoever knows SQL needs nothing of ours: the views have the swept keys and the metrics.
TEST(SweepCommand, LeavesViewsForAnySqliteTool) {
  const SweepFolder folder("matrix: {placement: [linear, {kind: eplb, redundant: 8}]}\n");
  ASSERT_EQ(folder.run("s.sqlite").exit_code, 0);
  const Database database(folder / "s.sqlite", Database::Open::kExisting);
  for (const SweepMetricGroup& group : sweep_metric_groups()) {
    Statement query = database.prepare("SELECT * FROM \"" + group.name + "\"");
    EXPECT_TRUE(query.step()) << group.name;
  }
  Statement query = database.prepare(
      "SELECT \"placement\", status, \"tokens_per_s\" FROM results ORDER BY point");
  ASSERT_TRUE(query.step());
  EXPECT_EQ(query.text(0), "linear");
  ASSERT_TRUE(query.step());
  EXPECT_EQ(query.text(0), "{\"kind\":\"eplb\",\"redundant\":8}");
  EXPECT_EQ(query.text(1), "done");
  EXPECT_GT(query.number(2), 0);
  EXPECT_THAT(folder.csv("s.sqlite"), HasSubstr("\n2,1,\"{kind: eplb, redundant: 8}\",done,"));
}

}  // namespace
}  // namespace moesim
