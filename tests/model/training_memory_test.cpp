#include "sim/model/training_memory.hpp"

#include <gtest/gtest.h>

#include "sim/model/memory.hpp"

namespace moesim {
namespace {

// Two layers of 10 heads of 10, the second with 16 experts of width 50, of which a token takes 2.
MoeModel two_layer_model() {
  MoeModel model;
  model.layers = 2;
  model.moe_layers = {1};
  model.hidden = 100;
  model.dense_width = 200;
  model.expert_width = 50;
  model.experts = 16;
  model.top_k = 2;
  model.attention = {.kind = AttentionKind::kMha, .heads = 10, .kv_heads = 10, .head_dim = 10};
  model.vocabulary = 1000;
  return model;
}

// Attention: before and after the norm, query, key, value, output, and 10 sums at 32 bits.
constexpr double kAttention = 2 * (2 * 100 + 4 * 100 + 20);

TEST(TrainingMemory, CountsTheTensorsOfALayer) {
  // Norm 2 × 100, gate and up 400, their product 200.
  const auto dense = layer_activations(two_layer_model(), 0, Recompute::kNone);
  EXPECT_DOUBLE_EQ(dense.kept.value, kAttention + 2 * (200 + 400 + 200));
  EXPECT_DOUBLE_EQ(dense.again.value, 0);
  // Norm, 16 scores at 32 bits, 2 rows to and from the experts, 2 × (100 + 50) inside.
  const auto moe = layer_activations(two_layer_model(), 1, Recompute::kNone);
  EXPECT_DOUBLE_EQ(moe.kept.value, kAttention + 2 * (200 + 32 + 400 + 300));
}

// Selective: the results of both norms and of the activation functions are not kept.
TEST(TrainingMemory, KeepsLessWhereItComputesAgain) {
  const auto all = layer_activations(two_layer_model(), 1, Recompute::kNone);
  const auto selective = layer_activations(two_layer_model(), 1, Recompute::kSelective);
  EXPECT_DOUBLE_EQ(selective.again.value, 2 * (100 + 100 + 100));
  EXPECT_DOUBLE_EQ(selective.kept.value, all.kept.value - selective.again.value);
  const auto full = layer_activations(two_layer_model(), 1, Recompute::kFull);
  EXPECT_DOUBLE_EQ(full.kept.value, 200);
  EXPECT_DOUBLE_EQ(full.again.value, all.kept.value);
}

// An expert has 15,000 parameters, four of them are on a GPU; the rest of the model has 40,000 a
// layer of attention, 60,000 of dense FFN, 1,600 of router, 200,000 of embeddings.
TEST(TrainingMemory, SharesTheOptimizersStatesAmongReplicas) {
  const MoeModel model = two_layer_model();
  MemoryRequest request{.model = model,
                        .parallel = {.ep = 4},
                        .workload = {.phase = WorkloadPhase::kTraining, .tokens_per_gpu = 10},
                        .slots = IdVector<GpuId, int>(8, 4),
                        .buffers = [](int) { return Bytes(0); },
                        .capacity = Bytes(1e9)};
  request.training = {.training = {.gradient_bytes = 4, .state_bytes = 12},
                      .dense_replicas = 8,
                      .expert_replicas = 2};
  request.activations = [](const Workload& work, GpuId) {
    return Bytes(5000.0 * work.tokens_per_gpu);
  };
  const MemoryUse use = memory_use(request, GpuId(0));
  const double experts = 4 * 15000, dense = 2 * 40000 + 60000 + 1600 + 200000;
  EXPECT_DOUBLE_EQ(use.experts.value + use.dense.value, 2 * (experts + dense));
  EXPECT_DOUBLE_EQ(use.gradients.value, 4 * (experts + dense));
  EXPECT_DOUBLE_EQ(use.states.value, 12 * (experts / 2 + dense / 8));
  EXPECT_DOUBLE_EQ(use.activations.value, 50000);
  EXPECT_DOUBLE_EQ(use.kv.value, 0);
}

}  // namespace
}  // namespace moesim
