// The gate: router logits, and from them k experts and their weights for every token.
//
// Selection (policies.md 0.2): the higher selection score first, then the lower expert id; the k
// chosen stay in that order. Everything is float32. Selection scores come out the same, bit for
// bit, on every backend (gate_math.hpp), so the ids do; weights agree to a few units in the last
// place.
//
// The arguments only: nothing here is slow to compile, since every CUDA file reads it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/dtype.hpp"

namespace moesim::kernels {

inline constexpr int kMaxExperts = 1024;
inline constexpr int kMaxTopK = 16;

// logits[t, e] = sum over h of hidden[t, h] * router[e, h]. Row-major; 16-byte aligned.
struct LogitsArguments {
  int tokens = 0;
  int experts = 0;
  int hidden_size = 0;           // a multiple of 8
  const Bf16* hidden = nullptr;  // [tokens x hidden_size]
  const Bf16* router = nullptr;  // [experts x hidden_size]
  float* logits = nullptr;       // [tokens x experts]
};

// Selection score and weight of an expert with logit z:
enum class GateKind {
  kTopkThenSoftmax,  // z; softmax over the k chosen (Mixtral, gpt-oss)
  kSoftmaxThenTopk,  // softmax(z) over all experts, compared by z, which has the same order; the
                     // same (OLMoE, V2; with renormalize Qwen3-MoE)
  kSigmoid,          // sigmoid(z) + bias; sigmoid(z) (DeepSeek-V3, Kimi-K2, GLM-4.5, Llama-4)
  kSqrtSoftplus,     // sqrt(softplus(z)) + bias; sqrt(softplus(z)) (DeepSeek-V4)
  kNoisyTopk,        // h = z + normal * (softplus(noise) + 0.01); softmax over the k chosen h
                     // (Shazeer et al. 2017)
};

enum class GroupScore { kSumOfTopTwo, kMax };  // DeepSeek-V3, DeepSeek-V2

struct GateRule {
  GateKind kind = GateKind::kSoftmaxThenTopk;
  int experts = 0;  // 1 .. kMaxExperts
  int top_k = 0;    // 1 .. kMaxTopK, at most the experts of the groups kept
  bool renormalize =
      false;  // weights divided by their sum (the two softmax-over-k kinds: no effect)
  float scaling_factor = 1;  // multiplies the weights at the end (routed scaling factor)
  int groups = 1;            // equal contiguous groups of experts; divides experts; at most 32
  int groups_kept = 1;       // a token's experts come from its best groups (ties: the lower group)
  GroupScore group_score = GroupScore::kSumOfTopTwo;  // of selection scores
};

struct RouteArguments {
  GateRule rule;
  int tokens = 0;
  const float* logits = nullptr;        // [tokens x experts]; no NaN
  const float* bias = nullptr;          // [experts], kSigmoid and kSqrtSoftplus; may be null
  const float* noise_logits = nullptr;  // [tokens x experts], kNoisyTopk
  const float* normals = nullptr;       // [tokens x experts] standard normals, kNoisyTopk
  std::int32_t* ids = nullptr;          // [tokens x top_k] out
  float* weights = nullptr;             // [tokens x top_k] out
};

}  // namespace moesim::kernels
