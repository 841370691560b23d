// What a training step keeps and reduces beside the forward pass.
#pragma once

#include "sim/model/moe_model.hpp"

namespace moesim {

// Which activations the backward pass computes again: none; norms, activation functions and the
// up-projections of an MLA latent (DeepSeek-V3, section 3.2.3); or whole layers, from their input.
enum class Recompute { kNone, kSelective, kFull };

struct Training {
  Recompute recompute = Recompute::kNone;
  // ZeRO: 0 = every replica has the optimizer's states, and gradients are all-reduced; 1 = a share
  // of them, with a reduce-scatter of gradients and an all-gather of weights.
  int zero = 1;
  DType gradients = DType::kBf16;  // as they are reduced
  double gradient_bytes = 4;       // of a parameter, as they are added up
  double state_bytes = 12;         // of a parameter: master weight and moments
  // Token gradients go to the experts (combine's backward) in fp8, else at 16 bits as they come
  // back.
  bool fp8_exchange = false;
  bool overlap_gradients = true;  // reduced beside the last backward passes
};

}  // namespace moesim
