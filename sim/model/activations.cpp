#include "sim/model/activations.hpp"

#include <algorithm>

namespace moesim {
namespace {

constexpr double kWide = 2;  // bytes of a value between kernels

// Of a logit in a sampler that sorts for top-p, as vLLM's does: the logit at 16 bits; at 32 bits
// itself, sorted, its softmax, the running sum, the probability and its logarithm; an index of 64
// bits, and a mask. Llama-3-8B with 256 sequences then peaks at 1.19 GiB; vLLM measured 1.26 GiB on
// one GPU and on two that share the weights (vllm-project/vllm#10511).
constexpr double kSampledLogit = 2 + 6 * 4 + 8 + 1;

// Query, key, value and output of a token's attention, and the latents they come from.
double attention_values(const MoeModel& model, const ActivationWork& work) {
  const Attention& a = model.attention;
  const double heads = 1.0 * a.heads / work.tp;
  if (a.kind != AttentionKind::kMla)
    return (2 * heads + 2 * std::max(1.0, 1.0 * a.kv_heads / work.tp)) * a.head_dim;
  const double key = a.qk_nope_dim + a.qk_rope_dim;
  const double latents = a.q_lora_rank + a.kv_lora_rank + a.qk_rope_dim;
  const double of_head =
      work.absorbed ? key + 2 * a.kv_lora_rank + a.qk_rope_dim + a.v_dim : 2 * key + 2 * a.v_dim;
  return heads * of_head + latents;
}

// What the up-projections and the activation behind them give.
double ffn_values(double width, int matrices) { return matrices * width; }

}  // namespace

Bytes expert_activation_bytes(const MoeModel& model, const ActivationWork& work) {
  const bool narrow = model.expert_dtype == DType::kFp8 || model.expert_dtype == DType::kFp8Block ||
                      model.expert_dtype == DType::kInt8;
  const double operand = narrow ? 1 : kWide;  // of an expert's GEMM
  const double hidden = model.hidden;
  const double width = 1.0 * model.expert_width / work.etp;
  const double up = kWide * (model.expert_matrices - 1) * width;
  const double gemms = std::max({operand * hidden + up,               // the up-projections
                                 up + operand * width,                // the activation function
                                 operand * width + kWide * hidden});  // the down-projection
  // A row, and its copy in the other order; what leaves the experts is the wider.
  const double copies = work.in_place ? 0 : 2 * kWide * hidden;
  return Bytes(work.expert_rows * std::max(gemms, copies));
}

Bytes activation_bytes(const MoeModel& model, const ActivationWork& work) {
  const double residual = 2.0 * model.hidden;  // the hidden state, and what it is added to
  const double shared =
      ffn_values(1.0 * model.shared_experts * model.shared_width / work.tp, model.expert_matrices);
  const double dense = ffn_values(1.0 * model.dense_width / work.tp, model.dense_matrices);
  const double token = kWide * work.tokens;
  const double experts = expert_activation_bytes(model, work).value;
  const double most =
      std::max({token * attention_values(model, work), token * dense, token * shared + experts,
                work.sampled * model.vocabulary * kSampledLogit});
  return Bytes(token * residual + most);
}

}  // namespace moesim
