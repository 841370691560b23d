// Gates that assign tokens and experts to each other, instead of letting every token choose alone
// (policies.md 1.12).
#pragma once

#include "sim/gate/gating.hpp"

namespace moesim {

// Sinkhorn-Knopp on exp(z), to equal sums of rows and of columns (Megatron). [tokens × experts]
std::vector<float> sinkhorn(const Logits& logits, float tolerance);

// Top-k of `sinkhorn`; weights are the sigmoid (k = 1) or the softmax of the logits.
Gating sinkhorn_topk(const Logits& logits, int top_k, float tolerance);

// Each expert takes its `capacity` tokens with the largest gates; equal ones by token. `gates`
// [tokens × experts]. Returns tokens, best first: [experts × min(capacity, tokens)].
std::vector<int> expert_choice(const Logits& gates, int capacity);

// Softmax over the tokens of each expert, [tokens × experts].
std::vector<float> softmax_over_tokens(const Logits& logits);

// What the experts chose, by token: as wide as the most experts that any token has (at least 1).
Gating by_token(const std::vector<int>& chosen, const Logits& gates);

// Softmax over the tokens (columns) and over all slots (rows) of slot logits [tokens × slots] (Soft
// MoE, Puigcerver et al. 2024).
struct SoftSlots {
  std::vector<float> dispatch;  // [tokens × slots], each column sums to 1
  std::vector<float> combine;   // [tokens × slots], each row sums to 1
};
SoftSlots soft_moe(const Logits& slot_logits);

// round(factor · tokens / experts), halves to the even neighbour, at least 1: the tokens that an
// expert chooses, or the slots that it has.
int slots_of_expert(int tokens, int experts, double factor);

// No token left behind (mesh-tensorflow): in round j, tokens without an expert try their j-th
// choice in token order, while it has room. One expert a token; `choice` says which of its choices.
struct NtlbRouting {
  Gating gating;            // top_k = 1; weights are the softmax
  std::vector<int> choice;  // [tokens], −1 = none
  std::vector<int> slot;    // [tokens], place in the expert's buffer
  std::vector<int> load;    // [experts]
};
NtlbRouting no_token_left_behind(const Logits& logits, int tries, int capacity);

// Quantile balancing (Megatron): one dual coordinate step. Chooses by score − β, and moves β so
// that each expert would have had tokens · k / experts, which must be a whole number, at these
// scores.
struct QuantileStep {
  Gating gating;            // weights: the scores over their sum
  std::vector<float> beta;  // [experts], for the next step
};
QuantileStep quantile_balancing(const Logits& logits, int top_k, ScoreFunction score,
                                std::span<const float> beta);

}  // namespace moesim
