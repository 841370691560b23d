// From what a gate chose to the routing and the record of a layer.
#pragma once

#include "sim/gate/gate.hpp"
#include "sim/gate/gating.hpp"

namespace moesim {

// The routes of `gating` in place of the recorded ones, whose tokens stay. Ids from the model's
// experts on are free: they are counted and taken out.
GateResult finish_gating(Routing recorded, const Gating& gating, const GateRequest& request);

// The auxiliary losses of policies.md 1.8 that the scores and routes of a layer have: over each
// source rank's tokens (mean over ranks), over sequences of so many tokens, and over all tokens.
std::vector<std::pair<std::string, double>> gate_losses(const Logits& logits, const Gating& gating,
                                                        const Routing& routing,
                                                        const GateRequest& request,
                                                        int sequence_tokens);

// Uniform numbers [tokens × each] and normal ones, from streams of (seed, step, layer, token).
std::vector<double> gate_uniforms(const GateRequest& request, int tokens, int each);
std::vector<float> gate_normals(const GateRequest& request, int tokens, int each);

// The home of each expert where it has one copy; of several, of the first. [experts]
std::vector<int> gpus_of_experts(const GateRequest& request);

}  // namespace moesim
