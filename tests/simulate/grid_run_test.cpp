// Runs on other grids than one expert-parallel group: 8 GPUs of one node, four layers, balanced.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/program.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

using Json = nlohmann::json;

class GridRun : public ::testing::Test {
 protected:
  TemporaryDirectory folder;

  Json run(const std::string& parallel, int gpus = 8, int tokens = 256,
           const std::string& more = "") {
    std::ofstream(folder / "s.yaml")
        << "model: {preset: mixtral-8x7b, layers: 4}\n"
           "cluster: {preset: h100-sxm, nodes: 1, gpus_per_node: "
        << gpus
        << "}\nworkload: {phase: decode, context: 1024, steps: 1, tokens_per_gpu: " << tokens
        << "}\ntrace: balanced\nexchange: direct\ncalibration: h100-sxm\nparallel: " << parallel
        << "\n"
        << more;
    const Session ended = run_program({"run", (folder / "s.yaml").string(), "--json", "-q"});
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return Json::parse(ended.out)["metrics"];
  }
  static double phase(const Json& metrics, const char* name) {
    return metrics["breakdown_s"].value(name, 0.0);
  }
  static double step(const Json& metrics) { return metrics["step_time_s"]["mean"]; }
};

// Two groups of four GPUs do what one such group does alone.
TEST_F(GridRun, ReplicasOfTheExpertGroupDoNotDisturbEachOther) {
  const Json two = run("{ep: 4}"), one = run("{ep: 4}", 4);
  EXPECT_NEAR(step(two), step(one), 1e-3 * step(one));
  EXPECT_NEAR(two["bytes"]["nvlink"], 2 * one["bytes"]["nvlink"].get<double>(), 1);
}

TEST_F(GridRun, PureTensorParallelismHasNoDispatchAndTwoAllReducesALayer) {
  const Json metrics = run("{tp: 8, etp: 8}");
  EXPECT_EQ(phase(metrics, "dispatch"), 0);
  EXPECT_EQ(phase(metrics, "combine"), 0);
  EXPECT_GT(phase(metrics, "collectives"), 0);
  EXPECT_NEAR(metrics["imbalance"]["gpu_max_over_mean"], 1, 1e-12);
}

// The same exchange volume, as all-gather and reduce-scatter around replicated tokens' experts.
TEST_F(GridRun, ReplicatedTokensNeedNoExchangeOfRoutes) {
  const Json replicated = run("{tp: 8, ep: 8}"),
             scattered = run("{tp: 8, ep: 8, tokens: scattered}");
  EXPECT_EQ(phase(replicated, "dispatch"), 0);
  EXPECT_GT(phase(scattered, "dispatch"), 0);
  // Every GPU computes the router for all 2048 tokens, or for its own 256.
  EXPECT_GT(phase(replicated, "gate"), 1.5 * phase(scattered, "gate"));
}

// Halves of experts: a rank's tokens come to both, so its experts' rows stay and columns halve.
TEST_F(GridRun, ShardsOfAnExpertComputeTheRowsOfTheirRank) {
  const Json shards = run("{ep: 4, etp: 2}"), whole = run("{ep: 4}", 4, 512);
  EXPECT_LT(phase(shards, "experts"), phase(whole, "experts"));
  EXPECT_GT(phase(shards, "experts"), phase(whole, "experts") / 2);
  EXPECT_GT(phase(shards, "collectives"), 0);
}

TEST_F(GridRun, TensorParallelAttentionReadsTheCacheOfItsHeadsOnly) {
  const Json data = run("{ep: 8}"), tensor = run("{ep: 8, tp: 8}", 8, 256, "");
  // As many sequences a group as before, an eighth of the heads on each GPU.
  EXPECT_NEAR(phase(tensor, "attention") / phase(data, "attention"), 1, 0.35);
  // And of the weights, but every GPU samples for all 2048 sequences: 35 B of each of 32000 logits.
  const double logits = 35.0 * 32000 * (2048 - 256);
  EXPECT_LT(tensor["memory_bytes_max"].get<double>() - logits, data["memory_bytes_max"]);
}

// One kernel in place of two, over the same rows and weights: about as long as both.
TEST_F(GridRun, FusedSharedExpertsAreInTheKernelOfTheRoutedOnes) {
  const auto run_v3 = [&](const std::string& shared) {
    std::ofstream(folder / "v3.yaml")
        << "model: {preset: deepseek-v3, layers: 5}\n"
           "cluster: {preset: h200-sxm, nodes: 1}\nparallel: {shared_experts: "
        << shared
        << "}\nworkload: {phase: decode, context: 1024, steps: 1, tokens_per_gpu: 64}\n"
           "trace: balanced\nexchange: direct\ncalibration: h200-sxm\n";
    const Session ended = run_program({"run", (folder / "v3.yaml").string(), "--json", "-q"});
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return Json::parse(ended.out)["metrics"];
  };
  const Json separate = run_v3("separate"), fused = run_v3("fused");
  EXPECT_GT(phase(separate, "shared"), 0);
  EXPECT_EQ(phase(fused, "shared"), 0);
  EXPECT_GT(phase(fused, "experts"), phase(separate, "experts"));
  const double both = phase(separate, "experts") + phase(separate, "shared");
  EXPECT_NEAR(phase(fused, "experts"), both, 0.1 * both);
  EXPECT_EQ(fused["bytes"], separate["bytes"]);
  EXPECT_EQ(fused["imbalance"], separate["imbalance"]);
}

TEST_F(GridRun, RebalancingMovesTheShardsOfEveryReplica) {
  const std::string moves =
      "placement: {kind: eplb, redundant: 4}\nrebalance: {kind: interval, every: 1, placement: "
      "{kind: eplb, redundant: 4}}\n";
  std::ofstream(folder / "s.yaml") << "x";
  const auto moved = [&](const std::string& parallel, int gpus) {
    std::ofstream(folder / "s.yaml")
        << "model: {preset: mixtral-8x7b, layers: 4}\n"
           "cluster: {preset: h100-sxm, nodes: 1, gpus_per_node: "
        << gpus
        << "}\nworkload: {phase: decode, context: 1024, steps: 3, tokens_per_gpu: 64}\n"
           "trace: {kind: lognormal, sigma: 1, step_spread: 1}\nexchange: direct\n"
           "calibration: h100-sxm\nparallel: "
        << parallel << "\n"
        << moves;
    const Session ended = run_program({"run", (folder / "s.yaml").string(), "--json", "-q"});
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return Json::parse(ended.out)["metrics"]["bytes"]["migration"].get<double>();
  };
  EXPECT_GT(moved("{ep: 4, etp: 2}", 8), 0);
  EXPECT_GT(moved("{ep: 4}", 8), moved("{ep: 4}", 4));
}

}  // namespace
}  // namespace moesim
