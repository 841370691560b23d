// Sessions of `moesim run`, as a user or a script has them.
#include <gmock/gmock.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/support/program.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;
using Document = nlohmann::ordered_json;

constexpr const char* kScenario =
    "name: small\n"
    "model: olmoe-1b-7b\n"
    "cluster: {preset: h200-sxm-ib400, nodes: 2}\n"
    "workload: {phase: decode, tokens_per_gpu: 64, steps: 2}\n"
    "trace: {kind: lognormal, sigma: 0.8}\n";

class Run : public ::testing::Test {
 protected:
  Run() { write_file(folder_ / "small.yaml", kScenario); }

  // In the folder of small.yaml.
  Session session(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "run");
    return run_program(arguments, folder_.path());
  }
  // Of small.yaml, which must succeed.
  std::string output(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "small.yaml");
    const Session done = session(arguments);
    EXPECT_EQ(done.exit_code, 0) << done.err;
    EXPECT_EQ(done.err, "");
    return done.out;
  }
  std::map<std::string, std::string> files_of(const std::string& directory) const {
    std::map<std::string, std::string> files;
    for (const std::string& name : names_in(folder_ / directory))
      files[name] = file_text(folder_ / (directory + "/" + name));
    return files;
  }

  TemporaryDirectory folder_;
};

TEST_F(Run, WritesAScenarioThatFindsTheUsersFilesFromItsFolder) {
  std::filesystem::copy_file(MOESIM_SOURCE_DIR "/scenarios/calibrations/h200-sxm.yaml",
                             folder_ / "own.yaml");
  std::filesystem::copy_file(MOESIM_SOURCE_DIR "/scenarios/traces/small_moe.h5",
                             folder_ / "own.h5");
  write_file(folder_ / "files.yaml",
             "model: olmoe-1b-7b\n"
             "cluster: {preset: h200-sxm-ib400, nodes: 2}\n"
             "workload: {phase: decode, tokens_per_gpu: 64, steps: 1}\n"
             "trace: {kind: file, path: own.h5}\n"
             "calibration: [own.yaml, h200-sxm]\n");
  const Session first = session({"files.yaml", "-o", "results/one", "-q"});
  ASSERT_EQ(first.exit_code, 0) << first.err;
  const Session second = session({"results/one/scenario.yaml", "-o", "results/two", "-q"});
  ASSERT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(file_text(folder_ / "results/two/steps.csv"),
            file_text(folder_ / "results/one/steps.csv"));
  EXPECT_THAT(
      file_text(folder_ / "results/two/scenario.yaml"),
      AllOf(HasSubstr("path: ../../own.h5"), HasSubstr("calibration: [../../own.yaml, h200-sxm]")));
  const Document summary = Document::parse(file_text(folder_ / "results/one/summary.json"));
  std::vector<std::string> inputs;
  for (const Document& input : summary["provenance"]["inputs"]) inputs.push_back(input["file"]);
  EXPECT_THAT(inputs, IsSupersetOf({"own.h5", "own.yaml", "scenarios/calibrations/h200-sxm.yaml"}));
}

TEST_F(Run, PrintsATableForPeople) {
  const std::string table = output({});
  EXPECT_THAT(table, HasSubstr("small\n"));
  EXPECT_THAT(table, HasSubstr("throughput"));
  EXPECT_THAT(table, HasSubstr("step time"));
  EXPECT_THAT(table, Not(HasSubstr("\x1b")));  // stdout is a file here
  EXPECT_THAT(output({"--color", "always"}), HasSubstr("\x1b["));
  EXPECT_THAT(names_in(folder_.path()), ElementsAre("small.yaml"));
}

TEST_F(Run, PrintsOneDocumentForScripts) {
  const Document summary = Document::parse(output({"--json"}));  // throws on anything more
  EXPECT_EQ(summary["schema"], "moesim.summary/1");
  EXPECT_EQ(summary["scenario"]["name"], "small");
  const Document& metrics = summary["metrics"];
  EXPECT_GT(metrics["tokens_per_s"], 0);
  // 16 GPUs × 64 tokens a step.
  EXPECT_NEAR(metrics["tokens_per_s"].get<double>() * metrics["step_time_s"]["mean"].get<double>(),
              1024, 1e-6);
  double sum = 0;
  for (const auto& [phase, seconds] : metrics["breakdown_s"].items()) sum += seconds.get<double>();
  const double mean = metrics["step_time_s"]["mean"].get<double>();
  EXPECT_NEAR(sum, mean, 1e-9 * mean);
  EXPECT_EQ(summary["layers"].size(), 16u);
  EXPECT_EQ(summary["gpus"].size(), 16u);
}

TEST_F(Run, WritesADirectoryOfResults) {
  const std::string json = output({"--json", "-o", "out"});
  EXPECT_THAT(names_in(folder_ / "out"),
              ElementsAre("gpus.csv", "links.csv", "loads.csv", "report.html", "scenario.yaml",
                          "steps.csv", "strip.csv", "summary.json"));
  EXPECT_EQ(file_text(folder_ / "out/summary.json"), json);
  const std::string steps = file_text(folder_ / "out/steps.csv");
  EXPECT_EQ(std::count(steps.begin(), steps.end(), '\n'), 3);  // a header and two steps
  const std::string gpus = file_text(folder_ / "out/gpus.csv");
  EXPECT_EQ(std::count(gpus.begin(), gpus.end(), '\n'), 17);
  EXPECT_THAT(names_in(folder_.path()), ElementsAre("out", "small.yaml"));
}

TEST_F(Run, GivesTheSameBytesTwiceAndForAnyNumberOfJobs) {
  output({"-o", "a", "-j", "1"});
  output({"-o", "b", "-j", "2"});
  output({"-o", "b", "-j", "2"});  // replaces the result
  EXPECT_EQ(files_of("a"), files_of("b"));
}

TEST_F(Run, TheResolvedScenarioRunsAgainToTheSameFigures) {
  const Document first = Document::parse(output({"--json", "-o", "out"}));
  const Session again = session({"out/scenario.yaml", "--json"});
  ASSERT_EQ(again.exit_code, 0) << again.err;
  const Document second = Document::parse(again.out);
  EXPECT_EQ(first["metrics"].dump(), second["metrics"].dump());
  EXPECT_EQ(first["scenario"].dump(), second["scenario"].dump());
}

TEST_F(Run, TheSeedDecidesTheDraws) {
  const Document one = Document::parse(output({"--json", "--seed", "5"}));
  const Document same = Document::parse(output({"--json", "--set", "seed=5"}));
  const Document other = Document::parse(output({"--json", "--seed", "6"}));
  EXPECT_EQ(one["seed"], 5);
  EXPECT_EQ(one.dump(), same.dump());
  EXPECT_NE(one["metrics"].dump(), other["metrics"].dump());
}

TEST_F(Run, ResultsSayNothingOfTheMachineTheyWereMadeOn) {
  const Session done =
      run_program({"run", folder_ / "small.yaml", "-o", folder_ / "out", "--timeline"}, "/");
  ASSERT_EQ(done.exit_code, 0) << done.err;
  for (const auto& [name, text] : files_of("out")) {
    EXPECT_THAT(text, Not(HasSubstr(folder_.path().string()))) << name;
    EXPECT_THAT(text, Not(HasSubstr(MOESIM_SOURCE_DIR))) << name;
  }
  output({"-o", "near", "--timeline"});
  EXPECT_EQ(files_of("out"), files_of("near"));
}

TEST_F(Run, RefusesToReplaceWhatIsNotAResult) {
  write_file(folder_ / "thesis/chapter.tex", "years of work");
  const Session refused = session({"small.yaml", "-o", "thesis"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_EQ(refused.out, "");
  EXPECT_THAT(refused.err, HasSubstr("'thesis' is neither empty nor a result of moesim"));
  EXPECT_THAT(names_in(folder_ / "thesis"), ElementsAre("chapter.tex"));
  EXPECT_EQ(session({"small.yaml", "-o", "small.yaml"}).exit_code, 2);
  EXPECT_EQ(file_text(folder_ / "small.yaml"), kScenario);
}

TEST_F(Run, ADryRunChecksAndWritesNothing) {
  const std::string text = output({"--dry-run", "-o", "out"});
  EXPECT_THAT(text, HasSubstr("name: small"));
  EXPECT_THAT(names_in(folder_.path()), ElementsAre("small.yaml"));
  const Document preview = Document::parse(output({"--dry-run", "--json"}));
  EXPECT_GT(preview["memory_bytes_max"], 0);
  EXPECT_EQ(session({"small.yaml", "--dry-run", "--set", "workload.tokens_per_gpu=0"}).exit_code,
            2);
}

TEST_F(Run, WritesATimelineInWhichNoTwoSpansOfATrackOverlap) {
  output({"-o", "out", "--timeline"});
  const Document timeline = Document::parse(file_text(folder_ / "out/timeline.json"));
  std::map<std::pair<int, int>, std::map<double, double>> tracks;  // begin → end
  std::set<std::string> names, processes;
  for (const Document& event : timeline["traceEvents"]) {
    if (event["name"] == "process_name") processes.insert(event["args"]["name"]);
    if (event["ph"] != "X") continue;
    names.insert(event["cat"]);
    tracks[{event["pid"], event["tid"]}][event["ts"]] =
        event["ts"].get<double>() + event["dur"].get<double>();
  }
  EXPECT_THAT(processes, ElementsAre("node 0", "node 1"));
  for (const char* phase : {"attention", "dispatch", "experts", "combine", "wait"})
    EXPECT_TRUE(names.contains(phase)) << phase;
  EXPECT_GE(tracks.size(), 32u);  // compute and network of 16 GPUs
  for (const auto& [track, spans] : tracks) {
    double end = 0;
    for (const auto& [begin, stop] : spans) {
      EXPECT_GE(begin, end - 1e-6) << track.first << " " << track.second;
      end = stop;
    }
  }
}

TEST_F(Run, ExitsWithTwoForABadFlagOrFile) {
  const Session absent = session({"absent.yaml"});
  EXPECT_EQ(absent.exit_code, 2);
  EXPECT_EQ(absent.err, "absent.yaml: error: cannot read the file\n");
  EXPECT_EQ(session({"small.yaml", "--no-such-flag"}).exit_code, 2);
  EXPECT_EQ(session({}).exit_code, 2);
  EXPECT_EQ(session({"small.yaml", "-j", "-1"}).exit_code, 2);
  EXPECT_EQ(session({"small.yaml", "--color", "pink"}).exit_code, 2);
  EXPECT_EQ(session({"small.yaml", "--timeline"}).exit_code, 2);  // where to?
  EXPECT_EQ(session({"small.yaml", "-o", ""}).exit_code, 2);
  EXPECT_THAT(names_in(folder_.path()), ElementsAre("small.yaml"));
}

}  // namespace
}  // namespace moesim
