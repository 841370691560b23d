// The auxiliary losses that training adds to even out the load (policies.md 1.8), with coefficient
// 1. A replay reports them; they do not change its routes.
#pragma once

#include <utility>

#include "sim/gate/gating.hpp"

namespace moesim {

// What the losses are made of, over some tokens. A token's scores count over their sum.
struct BalanceSums {
  int tokens = 0;
  int top_k = 1;
  std::vector<double> routes;       // to each expert, [experts]
  std::vector<double> first;        // first choices of each expert, [experts]
  std::vector<double> probability;  // summed over the tokens, [experts]
};

// Of tokens first .. last − 1.
BalanceSums balance_sums(const Gating& gating, int experts, int first, int last);

// Adds the sums of other tokens.
void add(BalanceSums& sums, const BalanceSums& others);

// experts · Σ_e f_e P_e, f over all choices (Switch, Megatron; DeepSpeed's top-k and DeepSeek-V2's
// expert loss are the same).
double switch_loss(const BalanceSums& sums);

// The same with f over first choices only (GShard, Mesh-TensorFlow, Tutel, DeepSpeed's top-1 and
// top-2).
double gshard_loss(const BalanceSums& sums);

// (deviation / mean)² over the experts of the summed probabilities; with the variance of a sample
// in Tutel, of the population in V-MoE.
double importance_loss(const BalanceSums& sums, bool sample = false);

// The same of Σ_t P(a score with normal noise of deviation 1 / experts exceeds the k-th best)
// (Shazeer et al. 2017, V-MoE).
double load_loss(const Logits& logits, int top_k, bool sample = false);

// mean_t (ln Σ_e exp z)² (ST-MoE).
double z_loss(const Logits& logits);

// DeepSeek-V2: as switch_loss over devices instead of experts: Σ_d mean_e∈d(f_e · experts) P_d.
// `device` [experts].
double device_loss(const BalanceSums& sums, std::span<const int> device, int devices);

// DeepSeek-V2: the same with f = tokens that come to a device · devices / (`most` · tokens), where
// a token goes to `most` devices at most. `tokens_at` [devices].
double communication_loss(const BalanceSums& sums, std::span<const int> device,
                          std::span<const double> tokens_at, int most);

// bias + rate · sign(mean(routes) − routes): DeepSeek-V3's balancing without a loss
// (policies.md 1.6).
std::vector<float> updated_bias(std::span<const float> bias, std::span<const double> routes,
                                float rate);

}  // namespace moesim
