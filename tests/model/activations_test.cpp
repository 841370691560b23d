#include "sim/model/activations.hpp"

#include <gtest/gtest.h>

namespace moesim {
namespace {

constexpr double kGiB = 1024.0 * 1024 * 1024;

// bf16; 1000 wide, experts of 100, dense layers of 500.
MoeModel round_model() {
  MoeModel model;
  model.hidden = 1000;
  model.dense_width = 500;
  model.expert_width = 100;
  model.shared_experts = 1;
  model.shared_width = 200;
  model.attention = {.kind = AttentionKind::kGqa, .heads = 10, .kv_heads = 2, .head_dim = 100};
  model.vocabulary = 100;
  return model;
}

// The residual stream takes 2 · 1000 values of a token. Attention has 1000 of query, 200 of key,
// 200 of value and 1000 of output beside it; an FFN of 500 has 1500.
TEST(Activations, HoldTheResidualStreamAndTheOperationWithTheMost) {
  MoeModel model = round_model();
  EXPECT_DOUBLE_EQ(activation_bytes(model, {.tokens = 10}).value, 10 * 2 * (2000 + 2400.0));
  model.dense_width = 1000;
  EXPECT_DOUBLE_EQ(activation_bytes(model, {.tokens = 10}).value, 10 * 2 * (2000 + 3000.0));
  // Two GPUs share the heads and the FFN, and every one has the tokens of both.
  EXPECT_DOUBLE_EQ(activation_bytes(model, {.tokens = 20, .tp = 2}).value,
                   20 * 2 * (2000 + 1500.0));
}

// 16-bit rows in and out of the experts' order are 4 kB; at 8 bits what the experts take is less.
TEST(Activations, OfExpertsGoWithTheRowsThatTheyCompute) {
  MoeModel model = round_model();
  EXPECT_DOUBLE_EQ(expert_activation_bytes(model, {.expert_rows = 50}).value, 50 * 4000.0);
  // Where they are read and written in place, the up-projections have 1000 values in, 200 out.
  EXPECT_DOUBLE_EQ(expert_activation_bytes(model, {.expert_rows = 50, .in_place = true}).value,
                   50 * 2 * 1200.0);
  model.expert_width = 2000;  // the up-projections of 2 · 2000 and their 1000 inputs; 2000 after
  EXPECT_DOUBLE_EQ(expert_activation_bytes(model, {.expert_rows = 50}).value,
                   50 * 2 * (4000 + 2000.0));
  EXPECT_DOUBLE_EQ(expert_activation_bytes(model, {.expert_rows = 50, .etp = 2}).value,
                   50 * 2 * (2000 + 1000.0));
  model.expert_dtype = DType::kFp8Block;
  EXPECT_DOUBLE_EQ(expert_activation_bytes(model, {.expert_rows = 50}).value,
                   50 * (2 * 4000 + 2000.0));
  // Beside the shared expert's 600 values of each token.
  EXPECT_DOUBLE_EQ(activation_bytes(model, {.tokens = 10, .expert_rows = 50}).value,
                   10 * 2 * (2000 + 600.0) + 50 * 10000.0);
}

TEST(Activations, OfAnAbsorbedLatentKeepHeadsOfItsWidth) {
  MoeModel model = round_model();
  model.attention = {.kind = AttentionKind::kMla,
                     .heads = 10,
                     .kv_heads = 10,
                     .head_dim = 0,
                     .q_lora_rank = 300,
                     .kv_lora_rank = 100,
                     .qk_nope_dim = 40,
                     .qk_rope_dim = 20,
                     .v_dim = 40};
  // A head's query, key, value and output in prefill; in decode its query before and after it took
  // the key's up-projection, and its output before and after the value's.
  EXPECT_DOUBLE_EQ(activation_bytes(model, {.tokens = 1}).value, 2 * (2000 + 10 * 200 + 420.0));
  EXPECT_DOUBLE_EQ(activation_bytes(model, {.tokens = 1, .absorbed = true}).value,
                   2 * (2000 + 10 * (60 + 120 + 100 + 40) + 420.0));
}

// What vLLM's profiling run measured for Llama-3-8B with 8192 tokens and 256 sequences, on one GPU
// and with the weights shared by two: 1.26 GiB (vllm-project/vllm#10511). A model without experts.
TEST(Activations, OfLlama3ComeNearWhatVllmMeasured) {
  MoeModel model;
  model.hidden = 4096;
  model.dense_width = 14336;
  model.attention = {.kind = AttentionKind::kGqa, .heads = 32, .kv_heads = 8, .head_dim = 128};
  model.vocabulary = 128256;
  for (const int tp : {1, 2}) {
    const Bytes bytes = activation_bytes(model, {.tokens = 8192, .sampled = 256, .tp = tp});
    EXPECT_NEAR(bytes.value / kGiB, 1.26, 0.08) << tp;
  }
}

}  // namespace
}  // namespace moesim
