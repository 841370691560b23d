// Scores of one token's experts, with vector instructions where the processor has them.
#pragma once

#include "kernels/gate.hpp"

namespace moesim::kernels {

// scores[e] = gate_score(kind, logits[e], noise[e], normals[e]); the last two: kNoisyTopk only.
void score_row(GateKind kind, const float* logits, const float* noise, const float* normals,
               int experts, float* scores);

// exponentials[i] = e^(values[i] - shift); returns their sum, in order.
float exponentials(const float* values, float shift, int count, float* exponentials);

}  // namespace moesim::kernels
