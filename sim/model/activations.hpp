// Memory of activations on one GPU while a forward pass runs, from the shapes of its tensors.
//
// A serving engine allocates tensors as it goes and frees them after their last use, so what counts
// is the operation with the most alive beside the residual stream: attention (its query, key,
// value and output), an FFN, the experts with the shared expert beside them, or the sampler.
// Between kernels tensors have 16 bits; experts of an 8-bit model compute on 8-bit inputs. Not
// here: workspaces of kernels, CUDA graphs, fragmentation; and an engine that divides a batch holds
// less.
#pragma once

#include "sim/model/moe_model.hpp"

namespace moesim {

struct ActivationWork {
  double tokens = 0;       // in the dense parts of the GPU
  bool absorbed = false;   // the latent of MLA stands for keys and values (decode)
  double expert_rows = 0;  // that the GPU's experts compute in a layer, padding included
  bool in_place = false;   // experts read and write rows where the exchange has them: nothing is
                           // put into the experts' order before, or into the tokens' after
  double sampled = 0;      // rows of logits
  int tp = 1, etp = 1;     // GPUs that share the dense parts; that share an expert
};

// The model's own sizes; `work` says how they are shared.
Bytes activation_bytes(const MoeModel& model, const ActivationWork& work);

// Of the experts alone.
Bytes expert_activation_bytes(const MoeModel& model, const ActivationWork& work);

}  // namespace moesim
