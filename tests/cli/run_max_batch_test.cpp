// `moesim run --max-batch`: whether it fits, and the largest batch that does.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "analysis/json.hpp"
#include "tests/support/program.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

using ::testing::HasSubstr;

class MaxBatch : public ::testing::Test {
 protected:
  TemporaryDirectory folder;

  std::string scenario(const std::string& workload, const std::string& cluster,
                       const std::string& model = "deepseek-v3", const std::string& more = "") {
    write_file(folder / "s.yaml", "name: fits\nmodel: " + model + "\ncluster: {" + cluster +
                                      "}\nworkload: {" + workload +
                                      ", steps: 1}\ntrace: balanced\n" + more);
    return folder / "s.yaml";
  }
  Session session(const std::string& file, std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"run", file});
    return run_program(flags);
  }
  Json answer(const std::string& file, int exit_code = 0) {
    const Session ended = session(file, {"--max-batch", "--json"});
    EXPECT_EQ(ended.exit_code, exit_code) << ended.err;
    return Json::parse(ended.out);
  }
  // Whether a run would take so many tokens.
  bool runs(const std::string& file, int tokens) {
    const Session ended = session(file, {"--dry-run", "--json", "--set",
                                         "workload.tokens_per_gpu=" + std::to_string(tokens)});
    EXPECT_TRUE(ended.exit_code == 0 || ended.exit_code == 2);
    return ended.exit_code == 0;
  }
};

constexpr const char* kDecode = "phase: decode, tokens_per_gpu: 64, context: 4096";

TEST_F(MaxBatch, FitsARunAndOneMoreDoesNot) {
  const std::string decode = scenario(kDecode, "preset: h200-sxm-ib400, nodes: 4", "deepseek-v3",
                                      "exchange: low_latency\n");
  const Json batch = answer(decode);
  EXPECT_EQ(batch["schema"], "moesim.max_batch/1");
  EXPECT_EQ(batch["fits"], true);
  EXPECT_EQ(batch["limited_by"], "kv");
  const int tokens = batch["tokens_per_gpu"];
  EXPECT_GT(tokens, 64);
  EXPECT_TRUE(runs(decode, tokens));
  EXPECT_FALSE(runs(decode, tokens + 1));
}

TEST_F(MaxBatch, ItsMemoryAddsUp) {
  const Json batch = answer(scenario(kDecode, "preset: h200-sxm-ib400, nodes: 4"));
  double sum = 0, unit = 0;
  for (const auto& [part, bytes] : batch["memory_bytes"].items())
    if (part != "capacity") sum += bytes.get<double>();
  EXPECT_NEAR(sum, batch["memory_bytes"]["capacity"].get<double>(), 1);
  for (const auto& [part, bytes] : batch["bytes_per_unit"].items()) unit += bytes.get<double>();
  EXPECT_GE(batch["memory_bytes"]["free"], 0);
  EXPECT_LT(batch["memory_bytes"]["free"], unit);
  // 576 values of 61 layers, at 16 bits, for 4096 tokens.
  EXPECT_DOUBLE_EQ(batch["bytes_per_unit"]["kv"], 576.0 * 61 * 2 * 4096);
  // 8 of 256 experts in each of 58 layers: 44 M parameters and a 4-byte scale for each 128 × 128.
  EXPECT_DOUBLE_EQ(batch["memory_bytes"]["experts"],
                   58.0 * 8 * 3 * 7168 * 2048 * (1 + 4.0 / (128 * 128)));
}

TEST_F(MaxBatch, OfPrefillIsWholePromptsWhereOneFits) {
  const std::string prefill =
      scenario("phase: prefill, tokens_per_gpu: 4096, context: 3000",
               "preset: h200-sxm-ib400, nodes: 4", "deepseek-v3", "exchange: hierarchical_dedup\n");
  const Json batch = answer(prefill);
  EXPECT_EQ(batch["unit_tokens"], 3000);
  const int tokens = batch["tokens_per_gpu"];
  EXPECT_EQ(tokens % 3000, 0);
  EXPECT_TRUE(runs(prefill, tokens));
  EXPECT_FALSE(runs(prefill, tokens + 3000));
  EXPECT_THAT(session(prefill, {"--max-batch"}).out, HasSubstr(" prompts per GPU\n"));
}

// Users of H20s with 96 GB could not run it on 8 of them, but on 16 (sgl-project/sglang#4232).
TEST_F(MaxBatch, SaysWhatLacksWhereNotEvenOneTokenFits) {
  const std::string one =
      scenario(kDecode, "preset: h200-sxm-ib400, nodes: 1, gpu: {memory: 96 GB}");
  const Json batch = answer(one, 1);
  EXPECT_EQ(batch["fits"], false);
  EXPECT_EQ(batch["tokens_per_gpu"], 0);
  const Session ended = session(one, {"--max-batch"});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_EQ(ended.err, "");
  EXPECT_THAT(ended.out, HasSubstr("not even one token fits: it lacks "));
  EXPECT_THAT(ended.out, HasSubstr("it would fit with experts over 2 nodes"));
  EXPECT_GT(
      answer(scenario(kDecode,
                      "preset: h200-sxm-ib400, nodes: 2, gpu: {memory: 96 GB}"))["tokens_per_gpu"],
      0);
}

// DeepEP does not allocate 2³¹ − 1 words of 16 bytes. A message takes 2 · 7168 B of values and
// 4 · 56 B of scales, a token one to each expert, sent and received, twice: 22 364 160 B with 384
// experts, 26 091 520 B with 64 more copies.
TEST_F(MaxBatch, StopsAtTheBuffersThatDeepEpAllocates) {
  const std::string large = "preset: h200-sxm-ib400, nodes: 2, gpu: {memory: 1 TB}";
  const std::string decode = "phase: decode, tokens_per_gpu: 1400, context: 16";
  const std::string plain = scenario(decode, large, "kimi-k2", "exchange: low_latency\n");
  Json batch = answer(plain);
  EXPECT_EQ(batch["tokens_per_gpu"], 1536);  // 34 359 738 352 / 22 364 160 = 1536.4
  EXPECT_EQ(batch["limited_by"], "buffer_limit");
  EXPECT_EQ(batch["buffer_limit_bytes"], 34359738352.0);
  EXPECT_EQ(batch["fits"], true);
  EXPECT_THAT(session(plain, {"--max-batch"}).out,
              HasSubstr("the exchange library allocates 34.4 GB of buffers at the most\n"));
  const std::string copies = scenario(
      decode, large, "kimi-k2", "placement: {kind: eplb, redundant: 64}\nexchange: low_latency\n");
  batch = answer(copies);
  EXPECT_EQ(batch["tokens_per_gpu"], 1316);  // 1316.9
  EXPECT_EQ(batch["fits"], false);
  EXPECT_TRUE(runs(copies, 1316));
  const Session refused = session(copies, {"--dry-run", "--set", "workload.tokens_per_gpu=1317"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("does not allocate buffers of 34.4 GB"));
  EXPECT_THAT(refused.err, HasSubstr("hint: it would fit with tokens_per_gpu: 1316"));
  // Nobody reports such a limit of another library with the same messages.
  batch =
      answer(scenario(decode, large, "kimi-k2", "exchange: {kind: low_latency, library: pplx}\n"));
  EXPECT_GT(batch["tokens_per_gpu"], 1536);
  EXPECT_EQ(batch["buffer_limit_bytes"], nullptr);
}

// What SGLang's team ran on 72 H100s: 256 answers to prompts of 2000 tokens on each (issue 6017).
TEST_F(MaxBatch, HoldsAPublishedDecode) {
  const Json batch = answer(scenario(
      "phase: decode, tokens_per_gpu: 256, context: 2050", "preset: h100-sxm-ib400, nodes: 9",
      "deepseek-v3", "placement: {kind: eplb, redundant: 32}\nexchange: low_latency\n"));
  EXPECT_EQ(batch["fits"], true);
  EXPECT_LT(batch["tokens_per_gpu"], 300);  // memory was what decided it
}

TEST_F(MaxBatch, IsRefusedWhereStepsAreNotOfOneFixedBatch) {
  const auto refusal = [&](const std::string& file) {
    const Session ended = session(file, {"--max-batch"});
    EXPECT_EQ(ended.exit_code, 2);
    EXPECT_EQ(ended.out, "");
    return ended.err;
  };
  EXPECT_THAT(refusal("scenarios/deepseek_v3_training_ep64.yaml"),
              HasSubstr("error: the largest batch is looked for in prefill and decode, not in "));
  EXPECT_THAT(refusal("scenarios/deepseek_v3_prefill_pp2.yaml"),
              HasSubstr("hint: set workload.micro_batches: 1"));
  EXPECT_THAT(refusal("scenarios/serving_poisson.yaml"),
              HasSubstr("error: the largest batch is one of fixed batches"));
}

TEST_F(MaxBatch, PrintsTheCommandThatSimulatesIt) {
  const std::string file = scenario("phase: decode, tokens_per_gpu: 64, context: 1024",
                                    "preset: h100-sxm, nodes: 1", "olmoe-1b-7b");
  const Session ended =
      session(file, {"--max-batch", "--set", "workload.context=2048", "--seed", "3"});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("decode, context 2048, 64 tokens per GPU: fits\n"));
  EXPECT_THAT(ended.out, HasSubstr("to simulate it  moesim run " + file +
                                   " --set 'workload.context=2048' --seed 3 "
                                   "--set workload.tokens_per_gpu="));
}

}  // namespace
}  // namespace moesim
