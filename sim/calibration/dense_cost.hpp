// What the parts of a transformer layer cost on one GPU, beside its routed experts.
//
// Shapes come from the model, times from the cost model's GEMM, attention and memory-pass kernels.
// With data-parallel attention every GPU holds the whole of these weights and works on its own
// tokens; with tensor parallelism its shard of them, on the tokens of its group.
#pragma once

#include "sim/model/cost_model.hpp"
#include "sim/model/moe_model.hpp"

namespace moesim {

// The tokens of one GPU in one step.
struct TokenBatch {
  double tokens = 0;
  int context = 0;  // prefill: prompt length; decode: KV length
  bool decode = false;
};

// Mean number of earlier tokens that a new token of model layer `layer` attends to: half a prompt
// in a causal prefill, all of the context in decode; a windowed layer sees its window at most.
double attended_tokens(const MoeModel& model, int layer, const TokenBatch& batch);

// What is left of the dense parts on each of `tp` GPUs: heads, FFN and shared experts' width, and
// vocabulary, in even shares; the latent of MLA stays whole, and no GPU has less than one KV head.
MoeModel tensor_shard(MoeModel model, int tp);

// The attention of model layer `layer` (0-based): norms and the projections before the core; the
// core and the projection after it. A layer without attention is Mamba's projections and scan.
struct AttentionTimes {
  KernelTime prepare, core;
};
AttentionTimes attention_times(const MoeModel& model, int layer, const TokenBatch& batch,
                               const CostModel& cost);

// Router GEMM and top-k.
KernelTime gate_time(const MoeModel& model, double tokens, const CostModel& cost);

// FFN of a layer that is not MoE; the shared experts of one that is (zero without them).
KernelTime dense_ffn_time(const MoeModel& model, double tokens, const CostModel& cost);
KernelTime shared_expert_time(const MoeModel& model, double tokens, const CostModel& cost);

// Logits: every token in decode, the last of each prompt in prefill.
double head_rows(const TokenBatch& batch);
KernelTime head_time(const MoeModel& model, const TokenBatch& batch, const CostModel& cost);

// Model FLOPs of one token's forward pass: 2 per active parameter (without the embedding look-up),
// and the attention core (policies.md 5.5).
double flops_per_token(const MoeModel& model, const TokenBatch& batch);

}  // namespace moesim
