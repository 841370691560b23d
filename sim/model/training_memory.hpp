// What a training step keeps in memory beside the weights.
#pragma once

#include "sim/model/moe_model.hpp"
#include "sim/model/training.hpp"

namespace moesim {

// Activations of a token in one layer that its backward pass needs, at 16 bits, over all shards.
// Counted tensor by tensor as in Korthikanti et al. 2022 (Reducing Activation Recomputation), for
// an attention that never stores its scores, and for experts that get as many tokens as the mean.
struct LayerActivations {
  Bytes kept;   // from the forward pass on
  Bytes again;  // computed again, of one layer at a time
};
LayerActivations layer_activations(const MoeModel& model, int layer, Recompute recompute);

// Beside the weights that the forward pass reads: of a GPU.
struct TrainingNeeds {
  Training training;
  double copies = 1;          // of the dense parts: parts of the model that a stage has in two ways
  double dense_replicas = 1;  // that share the optimizer's states of the dense parts,
  double expert_replicas = 1;  // and of the experts
};

}  // namespace moesim
