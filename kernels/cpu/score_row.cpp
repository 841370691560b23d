#include "kernels/cpu/score_row.hpp"

#include <algorithm>

#include "kernels/gate_math.hpp"

namespace moesim::kernels {
namespace {

// Written once; compiled below for two kinds of processor. A fused multiply-add rounds the same in
// one instruction as in the C library, so the bits do not depend on which one runs.
template <GateKind kind>
inline void score(const float* logits, int experts, float* scores) {
  for (int e = 0; e < experts; ++e) scores[e] = gate_score(kind, logits[e], 0, 0);
}

inline void score_any(GateKind kind, const float* logits, const float* noise, const float* normals,
                      int experts, float* scores) {
  if (kind == GateKind::kSigmoid)
    score<GateKind::kSigmoid>(logits, experts, scores);
  else if (kind == GateKind::kSqrtSoftplus)
    score<GateKind::kSqrtSoftplus>(logits, experts, scores);
  else if (kind == GateKind::kNoisyTopk)
    for (int e = 0; e < experts; ++e)
      scores[e] = gate_score(GateKind::kNoisyTopk, logits[e], noise[e], normals[e]);
  else
    std::copy_n(logits, experts, scores);
}

inline void exponentiate(const float* values, float shift, int count, float* out) {
  for (int i = 0; i < count; ++i) out[i] = portable_exp(values[i] - shift);
}

#ifdef __x86_64__
[[gnu::target("avx2,fma"), gnu::flatten]] void score_vectors(GateKind kind, const float* logits,
                                                             const float* noise,
                                                             const float* normals, int experts,
                                                             float* scores) {
  score_any(kind, logits, noise, normals, experts, scores);
}

[[gnu::target("avx2,fma"), gnu::flatten]] void exponentiate_vectors(const float* values,
                                                                    float shift, int count,
                                                                    float* out) {
  exponentiate(values, shift, count, out);
}

bool has_vectors() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#else
void score_vectors(GateKind kind, const float* logits, const float* noise, const float* normals,
                   int experts, float* scores) {
  score_any(kind, logits, noise, normals, experts, scores);
}

void exponentiate_vectors(const float* values, float shift, int count, float* out) {
  exponentiate(values, shift, count, out);
}

bool has_vectors() { return true; }
#endif

}  // namespace

void score_row(GateKind kind, const float* logits, const float* noise, const float* normals,
               int experts, float* scores) {
  if (has_vectors())
    score_vectors(kind, logits, noise, normals, experts, scores);
  else
    score_any(kind, logits, noise, normals, experts, scores);
}

float exponentials(const float* values, float shift, int count, float* out) {
  if (has_vectors())
    exponentiate_vectors(values, shift, count, out);
  else
    exponentiate(values, shift, count, out);
  float total = 0;
  for (int i = 0; i < count; ++i) total += out[i];
  return total;
}

}  // namespace moesim::kernels
