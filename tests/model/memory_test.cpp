#include "sim/model/memory.hpp"

#include <gmock/gmock.h>

#include "tests/support/clusters.hpp"
#include "tests/support/sections.hpp"

namespace moesim {
namespace {

// bf16. An expert is 3 · 1000 · 1000 · 2 B = 6 MB; a layer keeps 2 · 10 · 100 values per token, 4
// kB.
MoeModel small_model() {
  MoeModel model;
  model.layers = 10;
  for (int layer = 0; layer < 10; ++layer) model.moe_layers.push_back(layer);
  model.hidden = 1000;
  model.expert_width = 1000;
  model.experts = 16;
  model.top_k = 2;
  model.attention = {.kind = AttentionKind::kMha, .heads = 10, .kv_heads = 10, .head_dim = 100};
  model.vocabulary = 1000;
  return model;
}

MemoryRequest request(const MoeModel& model, double gigabytes) {
  return {.model = model,
          .parallel = {.ep = 8},
          .workload = {.phase = WorkloadPhase::kDecode, .tokens_per_gpu = 100, .context = 1000},
          .slots = IdVector<GpuId, int>(8, 20),  // two experts of each layer
          .buffers = [](int tokens) { return Bytes(1e6 * tokens); },
          .capacity = Bytes(gigabytes * 1e9)};
}

TEST(Memory, AddsUpWhatAGpuHolds) {
  const MoeModel model = small_model();
  const MemoryUse use = check_memory(request(model, 10))[GpuId(3)];
  EXPECT_DOUBLE_EQ(use.experts.value, 20 * 6e6);
  // 10 layers of 4 M attention and 16 k router parameters, 2 M of embeddings, 2 B each.
  EXPECT_DOUBLE_EQ(use.dense.value, 2 * (10 * (4e6 + 16e3) + 2e6));
  EXPECT_DOUBLE_EQ(use.kv.value, 100.0 * 1000 * 10 * 4000);
  EXPECT_DOUBLE_EQ(use.buffers.value, 100e6);
  EXPECT_DOUBLE_EQ(use.reserve.value, 1e9);
  EXPECT_DOUBLE_EQ(use.total().value, 120e6 + 84.32e6 + 4e9 + 100e6 + 1e9);
}

TEST(Memory, SplitsWeightsAndCacheOverTensorParallelGpus) {
  const MoeModel model = small_model();
  MemoryRequest two = request(model, 10);
  two.parallel.tp = 2;
  two.parallel.etp = 2;
  const MemoryUse use = memory_use(two, GpuId(0));
  EXPECT_DOUBLE_EQ(use.experts.value, 60e6);
  EXPECT_DOUBLE_EQ(use.dense.value, 42.16e6);
  EXPECT_DOUBLE_EQ(use.kv.value, 4e9);  // twice the sequences, half the heads
}

TEST(Memory, KeepsOnlyTheWindowOfWindowedLayers) {
  MoeModel model = small_model();
  model.attention.window = 128;
  model.attention.windowed_layers = 4;
  EXPECT_DOUBLE_EQ(kv_bytes_of_sequence(model, 1000).value, 4000.0 * (6 * 1000 + 4 * 128));
  EXPECT_DOUBLE_EQ(kv_bytes_of_sequence(model, 100).value, 4000.0 * 10 * 100);
}

// DeepSeek-V3 on SGLang, whose GB are GiB: "KV Cache is allocated. #tokens: 161488, KV size: 10.57
// GB" (sgl-project/sglang#6017).
TEST(Memory, OfALatentCacheIsThatOfSglang) {
  MoeModel model{.layers = 61};
  model.attention = {
      .kind = AttentionKind::kMla, .heads = 128, .kv_lora_rank = 512, .qk_rope_dim = 64};
  EXPECT_NEAR(kv_bytes_of_sequence(model, 161488).value / (1 << 30), 10.57, 0.005);
}

TEST(Memory, KeepsAtLeastOneWholePromptInPrefill) {
  const MoeModel model = small_model();
  MemoryRequest prefill = request(model, 100);
  prefill.workload = {.phase = WorkloadPhase::kPrefill, .tokens_per_gpu = 4096, .context = 1024};
  EXPECT_DOUBLE_EQ(memory_use(prefill, GpuId(0)).kv.value, 4096 * 40000.0);
  prefill.workload.context = 8192;
  EXPECT_DOUBLE_EQ(memory_use(prefill, GpuId(0)).kv.value, 8192 * 40000.0);
}

// Of 4 GB, 0.4 are reserved. Beside 204.32 MB of weights, a token takes 40 MB of cache and 1 MB of
// buffers: 82 tokens. With 100 tokens and 100 MB of buffers, 1000 tokens of context take 4 GB: 823.
TEST(Memory, SaysWhatDoesNotFitAndWhatWould) {
  const MoeModel model = small_model();
  EXPECT_EQ(
      error_of([&] { check_memory(request(model, 4)); }),
      "error: does not fit into memory: GPU 0 needs 4.7 GB and has 4.0 GB (experts 0.1, dense "
      "weights 0.1, KV cache 4.0, activations 0.0, exchange buffers 0.1, reserve 0.4 GB)\n"
      "  hint: it would fit with tokens_per_gpu: 82, or context: 823");
}

// Of 10 GB, 4.7 are needed; 1 MB a token in buffers.
TEST(Memory, HasNoBuffersLargerThanTheLibraryAllocates) {
  const MoeModel model = small_model();
  MemoryRequest limited = request(model, 10);
  limited.buffer_limit = Bytes(100e6);
  EXPECT_TRUE(memory_use(limited, GpuId(0)).fits());
  check_memory(limited);
  limited.buffer_limit = Bytes(99.5e6);
  EXPECT_FALSE(memory_use(limited, GpuId(0)).fits());
  EXPECT_TRUE(memory_use(limited, GpuId(0)).memory_suffices());
  EXPECT_THAT(error_of([&] { check_memory(limited); }),
              ::testing::HasSubstr("hint: it would fit with tokens_per_gpu: 99"));
}

// 1600 experts of 6 MB in 10 layers over 8 GPUs are 12 GB a GPU. Beside 116 MB of dense weights,
// 205 MB of buffers and cache and 400 MB of reserve, 4 GB hold 546 experts: 54 of each layer.
TEST(Memory, NamesTheSmallestNumberOfNodesThatFits) {
  MoeModel model = small_model();
  model.experts = 1600;
  MemoryRequest large = request(model, 4);
  large.slots = IdVector<GpuId, int>(8, 2000);
  large.workload.tokens_per_gpu = 5;
  const std::string text = error_of([&] { check_memory(large); });
  EXPECT_THAT(text, ::testing::HasSubstr("GPU 0 needs 12.7 GB and has 4.0 GB"));
  EXPECT_THAT(text, ::testing::HasSubstr("hint: it would fit with experts over 4 nodes"));
}

TEST(Memory, SaysWhenNothingWouldDo) {
  const MoeModel model = small_model();
  EXPECT_THAT(error_of([&] { check_memory(request(model, 0.05)); }),
              ::testing::HasSubstr("hint: neither fewer tokens, nor a shorter context, nor more"));
}

TEST(Memory, RepeatsThePlacementInFurtherGroups) {
  Placement placement;
  for (int layer = 0; layer < 2; ++layer) {
    LayerPlacement at;
    at.first_slot = {0, 3, 5};
    placement.layers.raw().push_back(at);
  }
  const MoeModel model{.layers = 2, .moe_layers = {0, 1}};
  const auto of = [&](const Parallel& parallel) {
    const Grid grid(parallel, std::make_shared<const Cluster>(
                                  build_cluster(test_spec(1), "rail_optimized")
                                      .part({GpuId(0), GpuId(1), GpuId(2), GpuId(3)})));
    return slots_per_gpu(placement, grid, model).raw();
  };
  EXPECT_EQ(of({.ep = 2}), (std::vector<int>{6, 4, 6, 4}));
  EXPECT_EQ(of({.ep = 2, .etp = 2}), (std::vector<int>{6, 6, 4, 4}));
  EXPECT_EQ(of({.ep = 2, .pp = 2}), (std::vector<int>{3, 2, 3, 2}));
}

}  // namespace
}  // namespace moesim
