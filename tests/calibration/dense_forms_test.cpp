// The forms of GEMM, attention and gate kernels, by hand on a GPU of round numbers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/calibration/cost_models.hpp"

namespace moesim {
namespace {
using ::testing::HasSubstr;

std::string kernel_with(const std::string& kernel, const std::string& form) {
  return "kernels: [{kernel: " + kernel + ", form: {" + form + "}}]\n";
}

double microseconds(KernelTime time) { return 1e6 * time.total().value; }

// 100 SMs of 1 TFLOP/s each; with an exponent of 10 the longer of compute and memory counts.
constexpr const char* kGemm =
    "kind: gemm_tiles, base: 5 us, compute_efficiency: 1, memory_efficiency: 1, exponent: 10, "
    "tile_rate: 4 TB/s";

TEST(GemmTiles, CountsWavesOfTilesOverTheSms) {
  const auto cost = round_cost(kernel_with("gemm", kGemm));
  // 10 × 10 tiles of 128 × 256 are one wave, with one more row of tiles two.
  const double tile = 2.0 * 128 * 256 * 8192 / 1e12 * 1e6;
  EXPECT_NEAR(microseconds(cost->gemm({.m = 1280, .n = 2560, .k = 8192})), 5 + tile, 0.02 * tile);
  const double longer = microseconds(cost->gemm({.m = 1281, .n = 2560, .k = 8192}));
  EXPECT_GT(longer, 5 + 1.05 * tile);
  EXPECT_LT(longer, 5 + 2 * tile);
}

TEST(GemmTiles, WaitsForTheWeightsOfAFewRows) {
  const auto cost = round_cost(kernel_with("gemm", kGemm));
  // 4096 × 16384 weights at 16 bits and 1 TB/s, and the activations.
  EXPECT_NEAR(microseconds(cost->gemm({.m = 1, .n = 4096, .k = 16384})),
              5 + 2.0 * (4096.0 * 16384 + 4096 + 16384) / 1e12 * 1e6, 0.5);
}

TEST(GemmTiles, CutsTheInnerDimensionWhereThereAreFewTiles) {
  const std::string cut = std::string(kGemm) + ", split: 1 us";
  const auto cost = round_cost(kernel_with("gemm", cut));
  // One tile of 64 × 64 in 16 cuts: a sixteenth of its time, and the merge.
  const double whole = 2.0 * 64 * 64 * 65536 / 1e12 * 1e6;
  EXPECT_NEAR(microseconds(cost->gemm({.m = 64, .n = 64, .k = 65536})),
              5 + 1 + std::max(whole / 16, 2.0 * 2 * 64 * 65536 / 1e12 * 1e6), 0.05 * whole / 16);
}

TEST(GemmTiles, AddsAPassOverTheActivations) {
  const auto plain = round_cost(kernel_with("gemm", kGemm));
  const auto quantised = round_cost(kernel_with("gemm", std::string(kGemm) + ", operand_pass: 3"));
  const GemmWork work{.m = 1000, .n = 512, .k = 4096};
  EXPECT_NEAR(microseconds(quantised->gemm(work)) - microseconds(plain->gemm(work)),
              3.0 * 1000 * 4096 / 1e12 * 1e6, 1e-6);
}

TEST(GemmTiles, RunsGroupsOfProductsTogether) {
  const auto cost = round_cost(kernel_with("gemm", kGemm));
  GemmWork work{.m = 128, .n = 2560, .k = 8192};
  const double one = microseconds(cost->gemm(work));
  work.groups = 10;  // 10 × 10 tiles of 128 × 256 are one wave, as those of 1280 rows are
  const double tile = 2.0 * 128 * 256 * 8192 / 1e12 * 1e6;
  EXPECT_NEAR(microseconds(cost->gemm(work)), 5 + tile, 0.02 * tile);
  EXPECT_GT(microseconds(cost->gemm(work)), one);
}

// One prompt of 1280 tokens, 10 heads of 64 + 64: 10 rows of blocks for each head are 100 blocks.
AttentionWork prompt() {
  return {.query_tokens = 1280,
          .kind = AttentionKind::kGqa,
          .sequences = 1,
          .heads = 10,
          .kv_heads = 10,
          .query_width = 64,
          .value_width = 64,
          .kv_width = 128,
          .attended = 640,
          .longest = 1280};
}

TEST(AttentionPrefill, SharesBlocksOfQueriesOverTheSms) {
  const auto cost = round_cost(kernel_with(
      "attention_prefill",
      "kind: attention_prefill, base: 3 us, compute_efficiency: 1, memory_efficiency: 1, "
      "exponent: 10"));
  // Half of the tiles under a causal mask: 5.5 of 10 for each block, of 128 × 128 × (64 + 64).
  const double tile = 2.0 * 128 * 128 * 128 / 1e12 * 1e6;
  EXPECT_NEAR(microseconds(cost->attention(prompt())), 3 + 5.5 * tile, 0.1 * tile);
}

TEST(AttentionPrefill, EndsWithItsLongestBlock) {
  const auto with = [](const std::string& tail) {
    return microseconds(
        round_cost(kernel_with("attention_prefill",
                               "kind: attention_prefill, base: 3 us, compute_efficiency: 1, "
                               "memory_efficiency: 1, exponent: 10, tail: " +
                                   tail))
            ->attention(prompt()));
  };
  EXPECT_NEAR(with("1") - with("0"), 10 * 2.0 * 128 * 128 * 128 / 1e12 * 1e6, 1e-6);
}

AttentionWork decoded(double sequences, double tokens, int heads, int kv_heads) {
  return {.query_tokens = sequences,
          .kind = AttentionKind::kGqa,
          .decode = true,
          .sequences = sequences,
          .heads = heads,
          .kv_heads = kv_heads,
          .query_width = 64,
          .value_width = 64,
          .kv_width = 128,
          .attended = tokens,
          .longest = tokens};
}

constexpr const char* kDecode =
    "kind: attention_decode, base: 2 us, compute_efficiency: 1, memory_efficiency: 0.5, "
    "exponent: 10, sm_rate: 4 TB/s";

TEST(AttentionDecode, ReadsTheCacheOnceForAGroupOfQueries) {
  const auto cost = round_cost(kernel_with("attention_decode", kDecode));
  // 256 sequences × 2 KV heads × 4096 tokens × 128 columns at 16 bits, at half of 1 TB/s.
  const double memory = 256.0 * 2 * 4096 * 128 * 2 / 0.5e12 * 1e6;
  EXPECT_NEAR(microseconds(cost->attention(decoded(256, 4096, 16, 2))), 2 + memory, 0.01 * memory);
}

TEST(AttentionDecode, CutsALongCacheAndMergesTheParts) {
  const auto cost = round_cost(
      kernel_with("attention_decode", std::string(kDecode) + ", token: 10 ns, merge: 1 us"));
  // One sequence and KV head: 200 blocks of 2 per SM are aimed for, the cache has 64 chunks of 128.
  // A block's 1.28 us hide behind 2 MiB at half of 1 TB/s; the parts double six times.
  EXPECT_NEAR(microseconds(cost->attention(decoded(1, 8192, 1, 1))),
              2 + 8192 * 256 / 0.5e12 * 1e6 + 6, 0.05);
}

TEST(AttentionDecode, LeavesWhatItsLibraryDoesNotTakeToTheNextEntry) {
  const auto cost = round_cost(
      "kernels:\n"
      "- {kernel: attention_decode, attention: gqa, form: {" +
      std::string(kDecode) +
      ", smallest_group: 2, largest_group: 32, fill: 0.25}, held_out: {mape: 0.05}}\n"
      "- {kernel: attention_decode, attention: gqa, form: {kind: affine, start_up: 1 s}, "
      "held_out: {mape: 0.09}}\n");
  EXPECT_LT(cost->attention(decoded(64, 100, 8, 2)).total(), Seconds(1e-3));
  EXPECT_EQ(cost->attention(decoded(64, 100, 8, 8)).total(), Seconds(1));  // no group
  EXPECT_EQ(cost->attention(decoded(1, 100, 8, 2)).total(), Seconds(1));   // 2 blocks of 25
  ASSERT_EQ(cost->errors().size(), 1U);
  EXPECT_EQ(cost->errors()[0].kernel, "attention_decode gqa");
  EXPECT_DOUBLE_EQ(cost->errors()[0].mape, 0.09);  // the worse of the two
}

TEST(AttentionDecode, StandsUnderItsKernelOnly) {
  try {
    round_cost(kernel_with("gemm", kDecode));
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("attention_decode stands only under kernel: attention_decode"));
  }
}

TEST(AttentionKernels, OfTheOtherCoreAreNotAsked) {
  const auto cost = round_cost(
      "kernels: [{kernel: attention_decode, attention: mla, form: {kind: affine, start_up: 1 s}},"
      " {kernel: attention, form: {kind: affine, start_up: 7 us}}]\n");
  EXPECT_NEAR(microseconds(cost->attention(decoded(1, 1, 1, 1))), 7, 1e-9);
  AttentionWork latent = decoded(1, 1, 1, 1);
  latent.kind = AttentionKind::kMla;
  EXPECT_EQ(cost->attention(latent).total(), Seconds(1));
}

TEST(GateTopk, CountsTokensChoicesAndScores) {
  const auto cost = round_cost(kernel_with(
      "gate", "kind: gate_topk, start_up: 2 us, token: 1 ns, choice: 0.5 ns, score: 10 ps"));
  EXPECT_NEAR(microseconds(cost->gate({.tokens = 1000, .experts = 256, .top_k = 8})),
              2 + 1 + 4 + 2.56, 1e-9);
}

TEST(GateTopk, IsAPassOverTheLogitsWhereNothingElseIsKnown) {
  const auto cost = round_cost(kernel_with("memory_pass", "kind: affine, rate: 1 GB/s"));
  EXPECT_NEAR(microseconds(cost->gate({.tokens = 10, .experts = 100, .top_k = 2})), 4, 1e-9);
}

TEST(KernelRanges, WarnOfAttentionOutsideWhatWasMeasured) {
  const auto cost = round_cost(
      "kernels: [{kernel: attention_decode, range: {context: [1, 1000], heads: [1, 64]}, "
      "form: {kind: affine, start_up: 1 us}}]\n");
  cost->attention(decoded(1, 1001, 8, 8));
  EXPECT_THAT(cost->warnings(),
              testing::ElementsAre("attention_decode gqa: context outside 1 to 1000, the range "
                                   "that calibration inline was measured on"));
}

TEST(DtypeOfAKernel, IsWiderDtypeWhereTheGpuHasNoUnits) {
  const auto cost =
      round_cost("kernels: [{kernel: gemm, dtype: bf16, form: {kind: affine, rate: 1 GB/s}}]\n");
  // int8 weights on a GPU of 16 and 8 bits float: the 16-bit kernel, with its bytes.
  EXPECT_NEAR(microseconds(cost->gemm({.m = 10, .n = 10, .k = 10, .dtype = DType::kInt8})), 0.6,
              1e-9);
  EXPECT_THAT(cost->warnings(),
              testing::ElementsAre(
                  "gemm int8: Round has no units for it; calibration inline measured bf16"));
}

}  // namespace
}  // namespace moesim
