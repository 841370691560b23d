// What sequences and drafts do to a run: four GPUs of one node, four layers, balanced.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/program.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

using Json = nlohmann::json;

class WorkloadRun : public ::testing::Test {
 protected:
  TemporaryDirectory folder;

  Session started(const std::string& workload, const std::string& model, const std::string& more) {
    std::ofstream(folder / "s.yaml")
        << "model: " << model
        << "\ncluster: {preset: h100-sxm, nodes: 1, gpus_per_node: 4}\nworkload: " << workload
        << "\ntrace: balanced\nexchange: direct\ncalibration: h100-sxm\n"
        << more;
    return run_program({"run", (folder / "s.yaml").string(), "--json", "-q"});
  }
  Json run(const std::string& workload, const std::string& more = "",
           const std::string& model = "{preset: mixtral-8x7b, layers: 4}") {
    const Session ended = started(workload, model, more);
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return Json::parse(ended.out)["metrics"];
  }
  static double phase(const Json& metrics, const char* name) {
    return metrics["breakdown_s"].value(name, 0.0);
  }
  static double step(const Json& metrics) { return metrics["step_time_s"]["mean"]; }
};

// Every layer waits for the GPU with the longest caches: the step is longer than with equal ones,
// though the mean length is as before.
TEST_F(WorkloadRun, GpusWithLongerCachesAreWaitedFor) {
  const std::string work = "{phase: decode, context: 16384, steps: 1, tokens_per_gpu: 32}";
  const Json equal = run(work), uneven = run(work, "lengths: {kind: lognormal, cv: 1}\n");
  EXPECT_GT(phase(uneven, "dispatch") + phase(uneven, "wait"),
            1.5 * (phase(equal, "dispatch") + phase(equal, "wait")));
  EXPECT_GT(step(uneven), 1.02 * step(equal));
  EXPECT_NEAR(phase(uneven, "attention") / phase(equal, "attention"), 1, 0.2);
}

TEST_F(WorkloadRun, OfPromptsOfDifferentLengthsHasAsManyTokens) {
  const std::string work = "{phase: prefill, context: 512, steps: 1, tokens_per_gpu: 2048}";
  const Json equal = run(work), uneven = run(work, "lengths: {kind: uniform, spread: 0.9}\n");
  // Σ length² grows with the spread, and with it the attention.
  EXPECT_GT(phase(uneven, "attention"), phase(equal, "attention"));
  EXPECT_NEAR(uneven["tokens_per_s"].get<double>() * step(uneven), 4 * 2048, 1e-6);
}

// A prompt's part beside 48 answers: dearer than either alone, cheaper than one after the other,
// which would read all weights twice.
TEST_F(WorkloadRun, AMixedStepSharesTheWeightsOfItsTwoHalves) {
  const double mixed =
      step(run("{phase: mixed, context: 2048, steps: 1, tokens_per_gpu: 304, prompt_tokens: 256}"));
  const double answers = step(run("{phase: decode, context: 2048, steps: 1, tokens_per_gpu: 48}"));
  const double prompt = step(run("{phase: prefill, context: 2048, steps: 1, tokens_per_gpu: 256}"));
  EXPECT_GT(mixed, std::max(answers, prompt));
  EXPECT_LT(mixed, answers + prompt);
}

const char* const kDrafting = "{preset: mixtral-8x7b, layers: 4, mtp_layers: 1}";

// As many tokens through five layers in place of four, with a second choice of tokens.
TEST_F(WorkloadRun, DraftsCostALayerAndALogitsMoreAndYieldWhatIsAccepted) {
  const std::string work = "{phase: decode, context: 2048, steps: 1, tokens_per_gpu: 64";
  const Json plain = run(work + "}");
  const Json drafts = run(work + ", draft_tokens: 1, draft_acceptance: 0.5}", "", kDrafting);
  EXPECT_NEAR(drafts["tokens_per_s"].get<double>() * step(drafts), 4 * 64 * 0.75, 1e-6);
  EXPECT_NEAR(phase(drafts, "experts"), 1.25 * phase(plain, "experts"),
              0.01 * phase(plain, "experts"));
  EXPECT_GT(phase(drafts, "dense"), 1.9 * phase(plain, "dense"));
}

TEST_F(WorkloadRun, DraftsOfAModelWithoutSuchLayersAreRefused) {
  const Session ended = started("{phase: decode, tokens_per_gpu: 64, draft_tokens: 1}",
                                "{preset: mixtral-8x7b, layers: 4}", "");
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_NE(ended.err.find("mixtral-8x7b has 0 layers for multi-token prediction"),
            std::string::npos)
      << ended.err;
}

// Half of the bytes in memory; the core of the attention reads half of them.
TEST_F(WorkloadRun, AnEightBitCacheTakesHalfOfTheMemoryAndOfTheReads) {
  const std::string work = "{phase: decode, context: 16384, steps: 1, tokens_per_gpu: 32}";
  const Json wide = run(work);
  const Json narrow =
      run(work, "", "{preset: mixtral-8x7b, layers: 4, attention: {kv_dtype: fp8}}");
  // 4 layers of 8 heads of 128, keys and values.
  EXPECT_NEAR(wide["memory_bytes_max"].get<double>() - narrow["memory_bytes_max"].get<double>(),
              32.0 * 16384 * 4 * 2 * 8 * 128, 1);
  EXPECT_LT(phase(narrow, "attention"), 0.7 * phase(wide, "attention"));
}

}  // namespace
}  // namespace moesim
