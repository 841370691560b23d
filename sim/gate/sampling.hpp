// Gates that draw their experts (policies.md 1.9, 1.10). Random numbers are arguments, so that two
// policies can see the same ones.
#pragma once

#include "sim/gate/gating.hpp"

namespace moesim {

// The smallest index whose running sum of weights exceeds u · total (inverse of the distribution);
// the last one with weight where rounding leaves none. −1 where no weight is above 0.
int draw_index(std::span<const float> weights, double u);

// softmax(z / temperature), then k draws without replacement, each from what is left. `uniforms`
// [tokens × top_k]. Weights: the softmax.
Gating multinomial(const Logits& logits, int top_k, float temperature,
                   std::span<const double> uniforms);

// Whose load counts while tokens are dealt one after another.
struct LoadScope {
  std::span<double> load;           // [queues], added to with every route
  std::span<const int> queue = {};  // of each expert, [experts]; empty = its own
};

// Tokens in order: p / (load + epsilon), over its sum, then one draw; the chosen expert's load
// grows by 1. More experts: without replacement. `uniforms` [tokens × top_k]. Scores: the adjusted
// probabilities of a token's first draw; weights: the softmax.
Gating load_balanced_sampling(const Logits& logits, int top_k, double epsilon,
                              const LoadScope& scope, std::span<const double> uniforms);

// The same logits with normal noise: z + deviation · normal. `deviation` [tokens × experts] or one
// for all; `normals` [tokens × experts].
std::vector<float> with_noise(const Logits& logits, std::span<const float> deviation,
                              std::span<const float> normals);

// Shazeer et al. 2017: deviation softplus(x · W_noise) + epsilon, top-k, softmax over the k chosen.
// `noise_logits`, `normals`: [tokens × experts].
Gating noisy_topk(const Logits& logits, int top_k, std::span<const float> noise_logits,
                  float epsilon, std::span<const float> normals);

}  // namespace moesim
