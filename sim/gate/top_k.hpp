// The top-k gates of today's models: a score per expert, a limit on expert groups, a choice, and
// weights (policies.md 1.1, 1.4, 1.5).
#pragma once

#include <limits>

#include "sim/gate/gating.hpp"

namespace moesim {

// Only experts of the `kept` best of `groups` equal contiguous groups can be chosen. Groups tie to
// the lower one.
struct GroupLimit {
  int groups = 1;
  int kept = 1;
  int best = 1;  // a group's score: the sum of its `best` largest selection scores
  // Selection score of an expert that is left out. HF's modeling code has 0, which wins over
  // negative ones.
  float masked = -std::numeric_limits<float>::infinity();
};

struct TopKRule {
  int top_k = 1;
  ScoreFunction score = ScoreFunction::kSoftmax;
  bool normalize = false;  // weights over their sum
  float epsilon = 0;       // added to that sum
  float scale = 1;         // factor on the weights (routed_scaling_factor)
  GroupLimit limit = {};
};

// Chooses by score + bias, weighs by score. `bias` [experts] or empty. experts must divide into the
// groups, and the kept ones must have top_k experts.
Gating choose_top_k(const Logits& logits, const TopKRule& rule, std::span<const float> bias = {});

// Top-k of the logits, softmax over the k chosen (Mixtral, gpt-oss; Megatron's default). A group's
// score is made of logits.
Gating topk_then_softmax(const Logits& logits, int top_k, float scale = 1,
                         const GroupLimit& limit = {});

// Top-k of the softmax over all experts (OLMoE, DeepSeek-V2, Qwen3-MoE with `normalize`).
Gating softmax_then_topk(const Logits& logits, TopKRule rule);

// Top-k of the sigmoids; the weights of more than one expert are over their sum (Llama-4,
// Megatron).
Gating sigmoid_topk(const Logits& logits, int top_k, float scale = 1);

// DeepSeek-V3's `noaux_tc`: sigmoid, a bias that only selects, a limit on groups whose score is the
// sum of their 2 best (without a bias DeepSeek's code takes the largest), weights over their sum,
// times a factor. The rule's score function is taken as sigmoid.
Gating deepseek_v3(const Logits& logits, std::span<const float> bias, TopKRule rule);

}  // namespace moesim
