// What the parts of a transformer layer cost on one GPU, beside its routed experts.
//
// Shapes come from the model, times from the cost model's GEMM, attention and memory-pass kernels.
// With data-parallel attention every GPU holds the whole of these weights and works on its own
// tokens; with tensor parallelism its shard of them, on the tokens of its group.
#pragma once

#include "sim/model/cost_model.hpp"
#include "sim/model/moe_model.hpp"
#include "sim/model/sequence.hpp"

namespace moesim {

// Mean number of tokens that a new token of a sequence attends to in model layer `layer`: those
// before it; a windowed layer sees its window at most.
double attended_tokens(const MoeModel& model, int layer, const Sequence& sequence);

// What is left of the dense parts on each of `tp` GPUs: heads, FFN and shared experts' width, and
// vocabulary, in even shares; the latent of MLA stays whole, and no GPU has less than one KV head.
MoeModel tensor_shard(MoeModel model, int tp);

// Layers of one class have the same attention: 0 = to all tokens, 1 = windowed, 2 = Mamba.
int attention_class(const MoeModel& model, int layer);

// The attention of model layer `layer` (0-based): norms and the projections before the core; the
// core and the projection after it. Prompts and answers have a core each; decode absorbs the
// up-projection of an MLA latent. A layer without attention is Mamba's projections and scan.
struct AttentionTimes {
  KernelTime prepare, core;
};
AttentionTimes attention_times(const MoeModel& model, int layer, const Sequences& batch,
                               const CostModel& cost);

// Router GEMM and top-k.
KernelTime gate_time(const MoeModel& model, double tokens, const CostModel& cost);

// FFN of a layer that is not MoE; the shared experts of one that is (zero without them).
KernelTime dense_ffn_time(const MoeModel& model, double tokens, const CostModel& cost);
KernelTime shared_expert_time(const MoeModel& model, double tokens, const CostModel& cost);

// Reading the new tokens' rows of the embedding matrix.
KernelTime embedding_time(const MoeModel& model, double tokens, const CostModel& cost);

// Logits: of every new token of an answer, and of the last of each prompt, or part of one.
// Sampling passes over them at 32 bits: softmax reads and writes, the choice reads.
double head_rows(const Sequences& batch);
KernelTime head_time(const MoeModel& model, double rows, const CostModel& cost);
KernelTime sampling_time(const MoeModel& model, double rows, const CostModel& cost);

// Model FLOPs of a forward pass: for each new token 2 per active parameter (without the embedding
// look-up), and the attention core (policies.md 5.5).
double model_flops(const MoeModel& model, const Sequences& batch);

}  // namespace moesim
