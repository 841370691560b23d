// `moesim run --blame`: the same draws again without a cause of time.
#include <gmock/gmock.h>

#include <map>
#include <nlohmann/json.hpp>

#include "analysis/json.hpp"
#include "tests/support/program.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

using ::testing::HasSubstr;

// 16 GPUs, four MoE layers of 64 experts.
class RunBlame : public ::testing::Test {
 protected:
  TemporaryDirectory folder;

  Session session(const std::string& more, std::vector<std::string> flags) {
    write_file(
        folder / "s.yaml",
        std::string("name: blamed\nmodel: {preset: olmoe-1b-7b, layers: 4}\n"
                    "cluster: {preset: h100-sxm-ib400, nodes: 2}\n"
                    "workload: {phase: decode, tokens_per_gpu: 128, context: 1024, steps: 2}\n"
                    "calibration: h100-sxm\nnetwork: {tolerance: 0}\n") +
            (more.find("exchange:") == more.npos ? "exchange: low_latency\n" : "") + more);
    flags.insert(flags.begin(), {"run", (folder / "s.yaml").string(), "-q"});
    return run_program(flags);
  }
  Json summary(const std::string& more, std::vector<std::string> flags = {"--blame"}) {
    flags.push_back("--json");
    const Session ended = session(more, flags);
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return Json::parse(ended.out);
  }
  // Seconds of the mean step without each cause, and as it was ("").
  static std::map<std::string, double> times(const Json& summary) {
    std::map<std::string, double> times{{"", summary["blame"]["step_time_s"]}};
    for (const Json& cause : summary["blame"]["causes"])
      times[cause["cause"]] = cause["step_time_s"];
    return times;
  }
};

// No GPU has more than another: there is nothing to balance, and nobody to wait for.
TEST_F(RunBlame, ABalancedRunLosesNothingToBalanceOrStragglers) {
  const Json run = summary("trace: balanced\n");
  const auto time = times(run);
  EXPECT_EQ(time.at(""), run["metrics"]["step_time_s"]["mean"].get<double>());
  EXPECT_EQ(time.at("balanced_loads"), time.at(""));
  EXPECT_EQ(time.at("no_stragglers"), time.at(""));
  // All that is left is the kernels, one after another.
  double kernels = 0;
  for (const char* phase : {"attention", "gate", "experts", "shared", "dense"})
    kernels += run["metrics"]["breakdown_s"][phase].get<double>();
  EXPECT_NEAR(time.at("free_communication"), kernels, 1e-5 * kernels);
  EXPECT_LT(time.at("infinite_hbm"), time.at(""));
  EXPECT_LT(time.at("all_of_these"), time.at("infinite_hbm"));
}

TEST_F(RunBlame, ASlowGpuIsAStraggler) {
  const std::string events = "events: [{kind: slow_gpu, gpu: 3, speed: 0.5, memory_speed: 0.5}]\n";
  const auto slow = times(summary("trace: balanced\n" + events));
  const auto usual = times(summary("trace: balanced\n"));
  EXPECT_EQ(slow.at("no_stragglers"), usual.at(""));
  // Everybody waits for its kernels, which take twice as long.
  EXPECT_NEAR(slow.at("free_communication"), 2 * usual.at("free_communication"),
              1e-5 * slow.at("free_communication"));
  EXPECT_EQ(slow.at("balanced_loads"), slow.at(""));
}

TEST_F(RunBlame, JitterIsAStraggler) {
  const auto jitter = times(summary("trace: balanced\nevents: [{kind: jitter, sigma: 0.2}]\n"));
  EXPECT_EQ(jitter.at("no_stragglers"), times(summary("trace: balanced\n")).at(""));
  EXPECT_GT(jitter.at(""), jitter.at("no_stragglers"));
}

TEST_F(RunBlame, SkewedLoadsAreToBlameForTheirPart) {
  const auto skewed = times(summary("trace: {kind: lognormal, sigma: 1.2}\n"));
  EXPECT_GT(skewed.at("") - skewed.at("balanced_loads"), 0.02 * skewed.at(""));
  EXPECT_EQ(skewed.at("no_stragglers"), skewed.at(""));
}

// None of these scenarios gets slower: a cause that is gone makes nobody wait longer.
TEST_F(RunBlame, NothingThatIsTakenOutMakesAStepSlower) {
  for (const char* more :
       {"trace: {kind: lognormal, sigma: 0.8}\nplacement: {kind: eplb, redundant: 16}\n",
        "trace: {kind: zipf}\noverlap: two_batch\n",
        "trace: {kind: zipf}\nexchange: hierarchical_dedup\n"
        "events: [{kind: slow_gpu, gpu: 2, speed: 0.7}]\n"}) {
    const Json run = summary(std::string(more));
    for (const Json& cause : run["blame"]["causes"])
      for (std::size_t step = 0; step < cause["steps_s"].size(); ++step)
        EXPECT_LE(cause["steps_s"][step].get<double>(),
                  1.003 * run["blame"]["step_time_s"].get<double>())
            << more << cause["cause"];
  }
}

TEST_F(RunBlame, ChangesNothingElseOfTheResult) {
  const std::string more = "trace: {kind: lognormal, sigma: 0.8}\n";
  Json blamed = summary(more);
  EXPECT_EQ(blamed["blame"]["causes"].size(), 5u);
  blamed.erase("blame");
  EXPECT_EQ(blamed.dump(), summary(more, {}).dump());
}

TEST_F(RunBlame, IsTheSameForAnyNumberOfJobsAndEndsTheTable) {
  const std::string more = "trace: {kind: lognormal, sigma: 0.8}\n";
  const Session one = session(more, {"--blame", "-j", "1"});
  EXPECT_EQ(one.out, session(more, {"--blame", "-j", "3"}).out);
  const std::string plain = session(more, {}).out;
  EXPECT_TRUE(one.out.starts_with(plain + "\nthe same draws again")) << one.out;
  EXPECT_THAT(one.out, HasSubstr("\nwith balanced loads "));
}

}  // namespace
}  // namespace moesim
