// Sessions of `moesim plan`.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "analysis/json.hpp"
#include "tests/support/program.hpp"

namespace moesim {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

// Two layers of OLMoE's shape, so that a plan takes a few seconds.
constexpr const char* kQuestion = R"(name: small
model: {preset: olmoe-1b-7b, layers: 2}
workload: {output: 40 M tokens/min, prompt: 256, answer: 64, growth: [3]}
targets: {tpot: 0.5 ms, ttft: 4 ms}
clusters:
  - {name: H100, cluster: h100-sxm-ib400, gpu_hour: 2, gpu_watts: 700, max_nodes: 8}
  - {name: B200, cluster: b200-sxm-ib400, gpu_hour: 5, gpu_watts: 1000, max_nodes: 8}
scenario: {trace: {kind: lognormal, sigma: 0.8}}
decode: {nodes: [1], policies: [{name: linear}]}
prefill: {nodes: [1]}
search: {batch_step: 64}
)";

class PlanCommand : public ::testing::Test {
 protected:
  PlanCommand() { std::ofstream(folder / "small.yaml") << kQuestion; }
  Session plan(std::vector<std::string> more) {
    std::vector<std::string> words = {"plan", folder / "small.yaml", "-q"};
    words.insert(words.end(), more.begin(), more.end());
    return run_program(words);
  }
  const TemporaryDirectory folder;
};

TEST_F(PlanCommand, AnswersAndWritesADirectoryWhoseScenariosRun) {
  const std::string out = (folder / "out").string();
  const Session session = plan({"-o", out, "--json", "-j", "2"});
  ASSERT_EQ(session.exit_code, 0) << session.err;
  const Json json = Json::parse(session.out);
  EXPECT_EQ(json["schema"], "moesim.plan/1");
  EXPECT_EQ(file_text(out + "/plan.json"), session.out);
  EXPECT_EQ(json["command"], "moesim plan small.yaml");
  EXPECT_EQ(json["answer"]["meets"], true);
  // What is said of the cheapest is what the same step says by itself.
  const std::string cluster = json["answer"]["cheapest"];
  for (const Json& one : json["deployments"]) {
    EXPECT_EQ(one["datasheet_only"], one["cluster"] == "B200");
    if (one["cluster"] != cluster) continue;
    const Session run = run_program({"run", out + "/cheapest_decode.yaml", "--json", "-q"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const Json metrics = Json::parse(run.out)["metrics"];
    EXPECT_EQ(metrics["step_time_s"]["mean"], one["decode"]["point"]["step_s"]);
    EXPECT_LE(metrics["step_time_s"]["mean"], 0.5e-3);
    EXPECT_GE(one["decode"]["capacity_tokens_per_s"].get<double>(), 40e6 / 60);
  }
  EXPECT_EQ(run_program({"run", out + "/cheapest_serving.yaml", "--dry-run"}).exit_code, 0);
  EXPECT_THAT(file_text(out + "/candidates.csv"), HasSubstr("\nprefill,B200,1,default,"));
  // The resolved question is answered alike, with any number of jobs, over an earlier result.
  const Session again =
      run_program({"plan", out + "/plan.yaml", "-q", "--json", "-j", "1", "-o", out});
  ASSERT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(Json::parse(again.out)["deployments"], json["deployments"]);
}

TEST_F(PlanCommand, ExitsWithOneWhereNothingMeetsTheTargets) {
  const Session session = plan({"--set", "targets.tpot=2 us"});
  EXPECT_EQ(session.exit_code, 1) << session.err;
  EXPECT_THAT(session.out, HasSubstr("nothing meets the targets"));
  EXPECT_THAT(session.out, HasSubstr("nearest miss"));
  EXPECT_THAT(session.out, HasSubstr("what would mend it: a target of"));
}

// Queues and the spread of lengths make the first token late for some, at the largest prefill batch
// that the target allows.
TEST_F(PlanCommand, ServesRequestsOnTheCheapest) {
  const Session session = plan({"--verify", "--json", "--set", "workload.output=1 M tokens/s"});
  ASSERT_EQ(session.exit_code, 0) << session.err;
  const Json verified = Json::parse(session.out)["verified"];
  EXPECT_GT(verified["requests"], 1000);
  EXPECT_GE(verified["ttft_p99_s"], verified["ttft_mean_s"]);
  EXPECT_GT(verified["tpot_mean_s"], 0);
  EXPECT_LE(verified["slo_attainment"], 1);
}

TEST_F(PlanCommand, RefusesWhatItCannotRead) {
  const Session session = plan({"--set", "clusters=[]", "--set", "targets.tpot=5"});
  EXPECT_EQ(session.exit_code, 2);
  EXPECT_THAT(session.err, HasSubstr("clusters are a list"));
  EXPECT_THAT(session.err, HasSubstr("tpot"));
  EXPECT_EQ(session.out, "");
}

}  // namespace
}  // namespace moesim
