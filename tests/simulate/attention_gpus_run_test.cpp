// Attention and experts on GPUs of their own: two nodes, four layers of OLMoE.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/program.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

using Json = nlohmann::json;

class AttentionGpusRun : public ::testing::Test {
 protected:
  TemporaryDirectory folder;

  Json run(const std::string& more, const std::string& workload = "steps: 1, tokens_per_gpu: 192",
           const std::vector<std::string>& flags = {}) {
    std::ofstream(folder / "s.yaml")
        << "model: {preset: olmoe-1b-7b, layers: 4}\n"
           "cluster: {preset: h100-sxm-ib400, nodes: 2}\n"
           "workload: {phase: decode, context: 2048, "
        << workload
        << "}\ntrace: {kind: lognormal, sigma: 0.5}\nexchange: low_latency\n"
           "calibration: h100-sxm\nnetwork: {fidelity: analytic}\n"
        << more << "\n";
    std::vector<std::string> words = {"run", (folder / "s.yaml").string(), "--json", "-q"};
    words.insert(words.end(), flags.begin(), flags.end());
    const Session ended = run_program(words);
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return Json::parse(ended.out);
  }
  static double step(const Json& summary) { return summary["metrics"]["step_time_s"]["mean"]; }
  static double phase(const Json& gpu, const char* name) { return gpu["breakdown_s"][name]; }
};

constexpr const char* kSplit =
    "parallel: {attention_gpus: 6}\noverlap: {kind: ping_pong, micro_batches: ";

TEST_F(AttentionGpusRun, HaveNoExpertAndTheOthersNothingElse) {
  const Json summary = run(std::string(kSplit) + "1}");
  const Json& gpus = summary["gpus"];
  ASSERT_EQ(gpus.size(), 16u);
  for (const Json& gpu : gpus) {
    const bool attends = gpu["gpu"] < 6;
    EXPECT_EQ(gpu["routes_per_step"].get<double>() > 0, !attends);
    EXPECT_EQ(phase(gpu, "experts") > 0, !attends);
    EXPECT_EQ(phase(gpu, "attention") > 0, attends);
  }
  // Six GPUs bring 192 tokens, each with 8 routes in each of 4 layers.
  double routes = 0;
  for (const Json& gpu : gpus) routes += gpu["routes_per_step"].get<double>();
  EXPECT_EQ(routes, 6 * 192 * 8 * 4);
  EXPECT_NEAR(summary["metrics"]["tokens_per_s"].get<double>() * step(summary), 6 * 192, 1e-6);
}

// A dry run says beforehand what a run does: linear puts 64 experts on ten GPUs, even loads give
// the four with seven of them 7 ÷ 6.4 of the mean. GPUs without experts are no part of it.
TEST_F(AttentionGpusRun, AreKnownToADryRun) {
  const Json preview = run(std::string(kSplit) + "1}", "steps: 1, tokens_per_gpu: 192",
                           {"--dry-run", "--set", "trace={kind: balanced}"});
  EXPECT_EQ(preview["routes_per_step"], 6 * 192 * 8 * 4);
  EXPECT_NEAR(preview["predicted_gpu_max_over_mean"].get<double>(), 7 / 6.4, 1e-9);
}

// Four GPUs with long contexts are slower than twelve with experts.
TEST_F(AttentionGpusRun, AreBusyAllTheTimeWhereTheyAreTheSlowerSide) {
  const auto attention_use = [&](int micro_batches) {
    const Json summary =
        run("parallel: {attention_gpus: 4}\noverlap: {kind: ping_pong, "
            "micro_batches: " +
            std::to_string(micro_batches) + "}");
    double least = 1;
    for (const Json& gpu : summary["gpus"])
      if (gpu["gpu"] < 4) least = std::min(least, gpu["busy"].get<double>());
    return least;
  };
  EXPECT_LT(attention_use(1), 0.85);
  EXPECT_GT(attention_use(2), 0.95);
}

TEST_F(AttentionGpusRun, BalancesExpertsOverTheirOwnGpus) {
  const std::string split = std::string(kSplit) + "2}\n";
  const Json linear = run(split + "placement: {kind: linear, redundant: 6}\nreplica: random");
  const Json eplb = run(split + "placement: {kind: eplb, redundant: 6}\nreplica: random");
  const auto imbalance = [](const Json& summary) {
    return summary["metrics"]["imbalance"]["gpu_max_over_mean"].get<double>();
  };
  EXPECT_LT(imbalance(eplb), imbalance(linear));
  EXPECT_LT(imbalance(eplb), 1.5);
}

TEST_F(AttentionGpusRun, KeepTheirNumberWhenExpertsMove) {
  const Json summary = run(std::string(kSplit) +
                               "2}\nplacement: {kind: linear, redundant: 6}\nreplica: random\n"
                               "rebalance: {kind: interval, every: 2, placement: {kind: eplb, "
                               "redundant: 6}}",
                           "steps: 5, tokens_per_gpu: 192");
  EXPECT_GT(summary["metrics"]["bytes"]["migration"], 0);
  for (const Json& gpu : summary["gpus"])
    EXPECT_EQ(gpu["routes_per_step"].get<double>() > 0, gpu["gpu"] >= 6);
}

// The KV cache goes to the GPUs with attention, two of the pool's rails have none.
TEST_F(AttentionGpusRun, ServeAsADecodePool) {
  const Json summary =
      run("pools:\n"
          "  prefill: {nodes: 1}\n"
          "  decode: {nodes: 1, batching: {kind: continuous, requests: 64}, parallel: "
          "{attention_gpus: 6}, "
          "overlap: {kind: ping_pong, micro_batches: 2}}\n"
          "requests: {kind: poisson, rate: 300, count: 20, input: 200, output: 20}",
          "steps: 1");
  EXPECT_EQ(summary["serving"]["finished"], 20);
  EXPECT_GT(summary["serving"]["tpot_s"]["mean"], 0);
}

}  // namespace
}  // namespace moesim
