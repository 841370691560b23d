#include "sim/calibration/dense_cost.hpp"

#include <gtest/gtest.h>

#include "tests/support/flop_counter.hpp"

namespace moesim {
namespace {

// Four heads of 16, two of them for keys and values, hidden 64.
MoeModel small_gqa() {
  MoeModel model;
  model.layers = 4;
  model.moe_layers = {1, 3};
  model.hidden = 64;
  model.dense_width = 256;
  model.expert_width = 32;
  model.experts = 8;
  model.top_k = 2;
  model.vocabulary = 1000;
  model.attention = {.kind = AttentionKind::kGqa, .heads = 4, .kv_heads = 2, .head_dim = 16};
  return model;
}

KernelTime attention_time(const MoeModel& model, int layer, const TokenBatch& batch,
                          const CostModel& cost) {
  const AttentionTimes times = attention_times(model, layer, batch, cost);
  KernelTime sum = times.prepare;
  return sum += times.core;
}

TEST(AttentionTime, CountsProjectionsAndTheCoreOfHalfAPromptInPrefill) {
  // Projections: 64 × (64 + 2·32) and 64 × 64, two FLOPs per weight and token; core: 4·heads·dim
  // per token and attended token, of which there are 50 on average in a prompt of 100.
  const KernelTime time =
      attention_time(small_gqa(), 0, {.tokens = 10, .context = 100}, FlopCounter());
  EXPECT_DOUBLE_EQ(time.compute.value, 10 * (2.0 * 64 * 128 + 2.0 * 64 * 64 + 4.0 * 4 * 16 * 50));
}

TEST(AttentionTime, ReadsTheWholeCacheOfEverySequenceInDecode) {
  const MoeModel model = small_gqa();
  const KernelTime time =
      attention_time(model, 0, {.tokens = 3, .context = 100, .decode = true}, FlopCounter());
  const double norms = 3 * 64 * 2 * 4;
  EXPECT_DOUBLE_EQ(time.memory.value, norms + 3 * 100 * (2 * 2 * 16 * 2.0));
}

TEST(AttentionTime, OfAnAbsorbedLatentIsWiderPerHeadButReadsOnlyTheLatent) {
  MoeModel model = small_gqa();
  model.attention = {.kind = AttentionKind::kMla,
                     .heads = 4,
                     .q_lora_rank = 24,
                     .kv_lora_rank = 32,
                     .qk_nope_dim = 16,
                     .qk_rope_dim = 8,
                     .v_dim = 16};
  const KernelTime time =
      attention_time(model, 0, {.tokens = 1, .context = 100, .decode = true}, FlopCounter());
  const double projections =
      2.0 * (64 * (32 + 8) + 64 * 24 + 24 * 4 * (16 + 8) + 32 * 4 * (16 + 16) + 4 * 16 * 64);
  EXPECT_DOUBLE_EQ(time.compute.value, projections + 100 * 2.0 * 4 * ((32 + 8) + 32));
  EXPECT_DOUBLE_EQ(time.memory.value, 64 * 2 * 4 + 100 * (32 + 8) * 2.0);
}

TEST(AttendedTokens, AreCutToTheWindowInWindowedLayersOnly) {
  MoeModel model = small_gqa();
  model.attention.window = 30;
  model.attention.windowed_layers = 2;  // every other one of four
  const TokenBatch batch{.tokens = 1, .context = 100, .decode = true};
  EXPECT_DOUBLE_EQ(attended_tokens(model, 0, batch), 100);
  EXPECT_DOUBLE_EQ(attended_tokens(model, 1, batch), 30);
  EXPECT_DOUBLE_EQ(attended_tokens(model, 2, batch), 100);
  EXPECT_DOUBLE_EQ(attended_tokens(model, 3, batch), 30);
}

TEST(AttentionTime, OfAMambaLayerIsItsProjections) {
  MoeModel model = small_gqa();
  model.attention.attention_layers = 1;  // the last of four
  const KernelTime time = attention_time(model, 0, {.tokens = 1, .context = 100}, FlopCounter());
  EXPECT_DOUBLE_EQ(time.compute.value, 2.0 * (64 * 256 + 128 * 64));
}

TEST(AttentionTimes, DivideAtTheCore) {
  const AttentionTimes times =
      attention_times(small_gqa(), 0, {.tokens = 10, .context = 100}, FlopCounter());
  EXPECT_DOUBLE_EQ(times.prepare.compute.value, 10 * 2.0 * 64 * 128);
  EXPECT_DOUBLE_EQ(times.core.compute.value, 10 * (2.0 * 64 * 64 + 4.0 * 4 * 16 * 50));
}

TEST(TensorShard, HasItsHeadsAndColumnsAndAtLeastOneKvHead) {
  const FlopCounter cost;
  const MoeModel half = tensor_shard(small_gqa(), 2), quarter = tensor_shard(small_gqa(), 4);
  EXPECT_EQ(half.attention.heads, 2);
  EXPECT_EQ(half.attention.kv_heads, 1);
  EXPECT_EQ(quarter.attention.kv_heads, 1);
  EXPECT_DOUBLE_EQ(dense_ffn_time(half, 5, cost).compute.value,
                   dense_ffn_time(small_gqa(), 5, cost).compute.value / 2);
  EXPECT_EQ(tensor_shard(small_gqa(), 3).vocabulary, 334);
}

TEST(HeadTime, ComputesLogitsOfOneTokenAPromptInPrefillAndOfEveryTokenInDecode) {
  const FlopCounter cost;
  EXPECT_DOUBLE_EQ(head_time(small_gqa(), {.tokens = 200, .context = 100}, cost).compute.value,
                   2 * 2.0 * 1000 * 64);
  EXPECT_DOUBLE_EQ(
      head_time(small_gqa(), {.tokens = 200, .context = 100, .decode = true}, cost).compute.value,
      200 * 2.0 * 1000 * 64);
}

TEST(FfnTimes, AreTwoFlopsPerWeightAndToken) {
  MoeModel model = small_gqa();
  model.shared_experts = 2;
  model.shared_width = 32;
  const FlopCounter cost;
  EXPECT_DOUBLE_EQ(dense_ffn_time(model, 5, cost).compute.value, 5 * 2.0 * 3 * 64 * 256);
  EXPECT_DOUBLE_EQ(shared_expert_time(model, 5, cost).compute.value, 5 * 2.0 * 3 * 64 * 64);
  EXPECT_DOUBLE_EQ(gate_time(model, 5, cost).compute.value, 5 * 2.0 * 64 * 8);
}

}  // namespace
}  // namespace moesim
