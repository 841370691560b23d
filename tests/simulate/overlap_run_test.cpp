// When two-batch overlap pays: twelve layers of DeepSeek-V3 on 64 GPUs, decode.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/program.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

using Json = nlohmann::json;

class OverlapRun : public ::testing::Test {
 protected:
  TemporaryDirectory folder;

  Json run(const std::string& overlap, int tokens, const std::vector<std::string>& set = {}) {
    std::ofstream(folder / "s.yaml")
        << "model: {preset: deepseek-v3, layers: 12}\ncluster: {preset: h200-sxm-ib400, nodes: 8}\n"
           "workload: {phase: decode, context: 4096, steps: 2, tokens_per_gpu: "
        << tokens << "}\ntrace: {kind: lognormal, sigma: 0.8}\nexchange: low_latency\n"
        << "calibration: h200-sxm\nnetwork: {fidelity: analytic}\noverlap: " << overlap << "\n";
    std::vector<std::string> words{"run", (folder / "s.yaml").string(), "--json", "-q"};
    for (const std::string& one : set) words.insert(words.end(), {"--set", one});
    const Session ended = run_program(words);
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return Json::parse(ended.out)["metrics"];
  }
  static double step(const Json& metrics) { return metrics["step_time_s"]["mean"]; }
};

TEST_F(OverlapRun, TwoBatchesWinWithManyTokensAndLoseWithFew) {
  EXPECT_LT(step(run("two_batch", 192)), 0.9 * step(run("none", 192)));
  // Both halves read the same weights: nothing is gained from halving few rows.
  EXPECT_GT(step(run("two_batch", 4)), 1.1 * step(run("none", 4)));
}

TEST_F(OverlapRun, DividingTokensLosesNoRoute) {
  const Json none = run("none", 64);
  for (const char* overlap : {"two_batch", "dbo", "{kind: pipelined, degree: 3}", "five_stage",
                              "single_batch", "{kind: fastermoe, group: 16}"}) {
    const Json metrics = run(overlap, 64);
    EXPECT_EQ(metrics["imbalance"], none["imbalance"]) << overlap;
    EXPECT_NEAR(metrics["bytes"]["network"], none["bytes"]["network"].get<double>(),
                1e-9 * none["bytes"]["network"].get<double>())
        << overlap;
  }
}

// Which routes are dropped, which copies take them and where copies are moved to is decided before
// turns are made of them.
TEST_F(OverlapRun, TurnsOfGroupsGoWithCapacityCopiesAndRebalancing) {
  for (const char* more :
       {"capacity: {kind: factor, factor: 1.25}", "capacity: {kind: factor, pad: true}",
        "placement: {kind: eplb, redundant: 64}\nreplica: random",
        "placement: {kind: eplb, redundant: 64}\nrebalance: {kind: interval, every: 1}"}) {
    const Json none = run("none\n" + std::string(more), 64);
    const Json turns = run("{kind: fastermoe, group: 16}\n" + std::string(more), 64);
    for (const char* key : {"imbalance", "drop_rate", "padding_waste"})
      EXPECT_EQ(turns[key], none[key]) << more << " " << key;
    EXPECT_NEAR(turns["bytes"]["network"], none["bytes"]["network"].get<double>(),
                1e-9 * none["bytes"]["network"].get<double>())
        << more;
  }
}

// Results leave while other experts compute: with few tokens, where two batches lose.
TEST_F(OverlapRun, ASingleBatchWinsWithFewTokens) {
  EXPECT_LT(step(run("single_batch", 4)), 0.97 * step(run("shared_expert", 4)));
}

// With even loads the projections of the blocks but the first are hidden, or as much of the
// combine. Flows of early GPUs take no more of the links than one exchange would, so that the gain
// stays where late GPUs still wait for their tokens.
TEST_F(OverlapRun, ASingleBatchWinsWithEvenAndWithSkewedLoads) {
  const std::vector<std::string> fluid{"network.fidelity=fluid", "network.tolerance=0.01",
                                       "cluster.nodes=4", "model.layers=6"};
  for (const char* trace : {"balanced", "{kind: lognormal, sigma: 1.2}"})
    for (const int tokens : {16, 256}) {
      std::vector<std::string> set = fluid;
      set.push_back(std::string("trace=") + trace);
      const Json one = run("single_batch", tokens, set), shared = run("shared_expert", tokens, set);
      EXPECT_LT(step(one), step(shared)) << trace << " " << tokens;
      if (trace != std::string("balanced")) continue;
      EXPECT_LT(step(one), 0.99 * step(shared)) << tokens;
      const double down = 0.333 * shared["breakdown_s"]["experts"].get<double>();
      EXPECT_GT(step(one), step(shared) - down) << tokens;
    }
}

// The breakdown covers each instant once, also where two batches are under way.
TEST_F(OverlapRun, PhasesStillAddUpToTheStep) {
  const Json metrics = run("two_batch", 64);
  double sum = 0;
  for (const auto& [phase, seconds] : metrics["breakdown_s"].items()) sum += seconds.get<double>();
  EXPECT_NEAR(sum, step(metrics), 1e-9);
}

// What one batch computes hides what the other sends. Two dispatches are under way for longer than
// one, and beside the other batch's combine: less is exposed only of all communication together.
TEST_F(OverlapRun, TwoBatchesHideCommunicationBesideEachOther) {
  const Json none = run("none", 192)["communication_s"];
  const Json both = run("two_batch", 192)["communication_s"];
  for (const char* phase : {"dispatch", "combine", "any"}) {
    EXPECT_EQ(none[phase]["hidden"], 0) << phase;
    EXPECT_GT(both[phase]["hidden"], 0.05 * both[phase]["under_way"].get<double>()) << phase;
    EXPECT_NEAR(both[phase]["exposed"].get<double>() + both[phase]["hidden"].get<double>(),
                both[phase]["under_way"].get<double>(), 1e-9);
  }
  EXPECT_LT(both["any"]["exposed"], 0.6 * none["any"]["exposed"].get<double>());
  EXPECT_LT(both["any"]["under_way"], both["dispatch"]["under_way"].get<double>() +
                                          both["combine"]["under_way"].get<double>());
}

}  // namespace
}  // namespace moesim
