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

KernelTime attention_time(const MoeModel& model, int layer, const Sequences& batch,
                          const CostModel& cost) {
  const AttentionTimes times = attention_times(model, layer, batch, cost);
  KernelTime sum = times.prepare;
  return sum += times.core;
}

TEST(AttentionTime, CountsProjectionsAndTheCoreOfHalfAPromptInPrefill) {
  // Projections: 64 × (64 + 2·32) and 64 × 64, two FLOPs per weight and token; core: 4·heads·dim
  // per token and attended token, of which there are 50 on average in a prompt of 100.
  const KernelTime time = attention_time(small_gqa(), 0, prompts(10, {100}), FlopCounter());
  EXPECT_DOUBLE_EQ(time.compute.value, 10 * (2.0 * 64 * 128 + 2.0 * 64 * 64 + 4.0 * 4 * 16 * 50));
}

TEST(AttentionTime, ReadsTheWholeCacheOfEverySequenceInDecode) {
  const MoeModel model = small_gqa();
  const KernelTime time = attention_time(model, 0, answers({50, 100, 150}), FlopCounter());
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
  const KernelTime time = attention_time(model, 0, answers({100}), FlopCounter());
  const double projections =
      2.0 * (64 * (32 + 8) + 64 * 24 + 24 * 4 * (16 + 8) + 32 * 4 * (16 + 16) + 4 * 16 * 64);
  EXPECT_DOUBLE_EQ(time.compute.value, projections + 100 * 2.0 * 4 * ((32 + 8) + 32));
  EXPECT_DOUBLE_EQ(time.memory.value, 64 * 2 * 4 + 100 * (32 + 8) * 2.0);
}

TEST(AttendedTokens, AreCutToTheWindowInWindowedLayersOnly) {
  MoeModel model = small_gqa();
  model.attention.window = 30;
  model.attention.windowed_layers = 2;  // every other one of four
  const Sequence answer{.new_tokens = 1, .earlier = 100, .decode = true};
  EXPECT_DOUBLE_EQ(attended_tokens(model, 0, answer), 100);
  EXPECT_DOUBLE_EQ(attended_tokens(model, 1, answer), 30);
  EXPECT_DOUBLE_EQ(attended_tokens(model, 2, answer), 100);
  EXPECT_DOUBLE_EQ(attended_tokens(model, 3, answer), 30);
}

TEST(AttendedTokens, RiseToTheWindowAtTheBeginningOfAPrompt) {
  MoeModel model = small_gqa();
  model.attention.window = 30;
  model.attention.windowed_layers = 4;
  // The mean of min(position, 30) from 0 to 100: (30² / 2 + 70·30) / 100; from 40 on all is in
  // sight that can be.
  EXPECT_DOUBLE_EQ(attended_tokens(model, 0, {.new_tokens = 100}), 25.5);
  EXPECT_DOUBLE_EQ(attended_tokens(model, 0, {.new_tokens = 60, .earlier = 40}), 30);
  EXPECT_DOUBLE_EQ(attended_tokens(model, 0, {.new_tokens = 20}), 10);
}

TEST(AttentionTime, OfAMambaLayerIsItsProjections) {
  MoeModel model = small_gqa();
  model.attention.attention_layers = 1;  // the last of four
  const KernelTime time = attention_time(model, 0, answers({100}), FlopCounter());
  // In, selection of rank 4 and two states of 16, time step, out.
  EXPECT_DOUBLE_EQ(time.compute.value, 2.0 * (64 * 256 + 128 * (4 + 2 * 16) + 4 * 128 + 128 * 64));
  EXPECT_DOUBLE_EQ(time.memory.value, 64 * 2 * 4 + 128 * 2 * 6 + 128 * 16 * 2 * 4);
}

TEST(AttentionTimes, DivideAtTheCore) {
  const AttentionTimes times = attention_times(small_gqa(), 0, prompts(10, {100}), FlopCounter());
  EXPECT_DOUBLE_EQ(times.prepare.compute.value, 10 * 2.0 * 64 * 128);
  EXPECT_DOUBLE_EQ(times.core.compute.value, 10 * (2.0 * 64 * 64 + 4.0 * 4 * 16 * 50));
}

TEST(AttentionTimes, OfDraftsReadTheCacheOnceForAllOfAnAnswersTokens) {
  const MoeModel model = small_gqa();
  const double one = attention_times(model, 0, answers({100}, 1), FlopCounter()).core.memory.value;
  const double two = attention_times(model, 0, answers({100}, 2), FlopCounter()).core.memory.value;
  // The second token attends to the first, too: 100.5 on average.
  EXPECT_DOUBLE_EQ(one, 100 * 128);
  EXPECT_DOUBLE_EQ(two, 100.5 * 128);
}

TEST(AttentionTimes, OfAMixedBatchAreThoseOfItsPromptsAndItsAnswers) {
  const MoeModel model = small_gqa();
  const FlopCounter cost;
  Sequences mixed = answers({100, 300});
  mixed.push_back({.new_tokens = 50, .earlier = 25});
  const double answered = attention_times(model, 0, answers({100, 300}), cost).core.compute.value;
  const double prompted =
      attention_times(model, 0, {{.new_tokens = 50, .earlier = 25}}, cost).core.compute.value;
  EXPECT_DOUBLE_EQ(attention_times(model, 0, mixed, cost).core.compute.value, answered + prompted);
}

TEST(AttentionTimes, OfAnEightBitCacheReadHalfOfIt) {
  MoeModel model = small_gqa();
  model.attention.kv_dtype = DType::kFp8;
  EXPECT_DOUBLE_EQ(attention_times(model, 0, answers({100}), FlopCounter()).core.memory.value,
                   100 * 64);
}

TEST(AttentionTimes, ExpandTheLatentsOfEarlierPartsOfAPromptAgain) {
  MoeModel model = small_gqa();
  model.attention = {.kind = AttentionKind::kMla,
                     .heads = 4,
                     .kv_lora_rank = 32,
                     .qk_nope_dim = 16,
                     .qk_rope_dim = 8,
                     .v_dim = 16};
  const auto prepare = [&](double earlier) {
    return attention_times(model, 0, {{.new_tokens = 10, .earlier = earlier}}, FlopCounter())
        .prepare.compute.value;
  };
  EXPECT_DOUBLE_EQ(prepare(30) - prepare(0), 30 * 2.0 * 32 * 4 * (16 + 16));
}

TEST(SamplingTime, PassesOverTheLogitsThreeTimesAt32Bits) {
  EXPECT_DOUBLE_EQ(sampling_time(small_gqa(), 5, FlopCounter()).memory.value, 5 * 1000 * 4 * 3.0);
  EXPECT_DOUBLE_EQ(embedding_time(small_gqa(), 5, FlopCounter()).memory.value, 5 * 64 * 2 * 2.0);
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
  EXPECT_EQ(head_rows(prompts(200, {100})), 2);
  EXPECT_EQ(head_rows(answers({100, 200, 300}, 2)), 6);  // a draft each
  EXPECT_DOUBLE_EQ(head_time(small_gqa(), 6, cost).compute.value, 6 * 2.0 * 1000 * 64);
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
