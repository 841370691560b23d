// The arithmetic of gate scores, the same bits on host and device.
//
// A gate's ids are compared exactly between backends, so a selection score may not depend on whose
// exponential it is: exp and log are polynomials (Cephes, S. L. Moshier) of explicitly fused or
// explicitly separate operations, which IEEE 754 rounds the same everywhere. Errors stay within a
// few units in the last place.
#pragma once

#include <cmath>

#include "kernels/dtype.hpp"
#include "kernels/gate_arguments.hpp"

namespace moesim::kernels {

MOESIM_HOST_DEVICE inline float fused(float a, float b, float c) {
#ifdef __CUDA_ARCH__
  return __fmaf_rn(a, b, c);
#else
  return std::fma(a, b, c);
#endif
}

// Products and sums that a compiler may not fuse. Host files are compiled with -ffp-contract=off.
MOESIM_HOST_DEVICE inline float product(float a, float b) {
#ifdef __CUDA_ARCH__
  return __fmul_rn(a, b);
#else
  return a * b;
#endif
}

MOESIM_HOST_DEVICE inline float sum(float a, float b) {
#ifdef __CUDA_ARCH__
  return __fadd_rn(a, b);
#else
  return a + b;
#endif
}

// e^x for x within -87 .. 88; x beyond is taken for the nearer end.
MOESIM_HOST_DEVICE inline float portable_exp(float x) {
  const float inside = x < -87.0f ? -87.0f : x > 88.0f ? 88.0f : x;
  // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
  const float shifted = fused(inside, 1.44269504f, 12582912.0f);
  const float n = sum(shifted, -12582912.0f);
  const float r = fused(n, 2.12194440e-4f, fused(n, -0.693359375f, inside));
  float p = 1.9875691500e-4f;
  p = fused(p, r, 1.3981999507e-3f);
  p = fused(p, r, 8.3334519073e-3f);
  p = fused(p, r, 4.1665795894e-2f);
  p = fused(p, r, 1.6666665459e-1f);
  p = fused(p, r, 5.0000001201e-1f);
  p = fused(p, r, 1.0f);
  p = fused(p, r, 1.0f);
  return as_float(as_bits(p) + (as_bits(shifted) << 23));
}

MOESIM_HOST_DEVICE inline float sigmoid(float z) { return 1.0f / sum(1.0f, portable_exp(-z)); }

// ln(y) for y within 1 .. 2.
MOESIM_HOST_DEVICE inline float portable_log(float y) {
  const bool upper = y > 1.41421356f;
  const float x = upper ? fused(y, 0.5f, -1.0f) : sum(y, -1.0f);
  const float square = product(x, x);
  float p = 7.0376836292e-2f;
  p = fused(p, x, -1.1514610310e-1f);
  p = fused(p, x, 1.1676998740e-1f);
  p = fused(p, x, -1.2420140846e-1f);
  p = fused(p, x, 1.4249322787e-1f);
  p = fused(p, x, -1.6668057665e-1f);
  p = fused(p, x, 2.0000714765e-1f);
  p = fused(p, x, -2.4999993993e-1f);
  p = fused(p, x, 3.3333331174e-1f);
  p = product(product(p, x), square);
  if (upper) p = sum(p, -2.12194440e-4f);
  const float tail = sum(x, fused(square, -0.5f, p));
  return upper ? sum(tail, 0.693359375f) : tail;
}

// ln(1 + e^z). For small u = e^-|z|, ln(1 + u) = ln(y) u / (y - 1) with y = 1 + u as rounded
// (W. Kahan), so that tiny values keep their digits.
MOESIM_HOST_DEVICE inline float softplus(float z) {
  const float u = portable_exp(z < 0 ? z : -z);
  const float y = sum(1.0f, u);
  const float over_one = sum(y, -1.0f);
  const float tail = over_one == 0 ? u : product(portable_log(y), u) / over_one;
  return sum(z > 0 ? z : 0.0f, tail);
}

MOESIM_HOST_DEVICE inline float square_root(float x) {
#ifdef __CUDA_ARCH__
  return __fsqrt_rn(x);
#else
  return std::sqrt(x);
#endif
}

// What experts are compared by, without the bias. noise and normal: kNoisyTopk only.
MOESIM_HOST_DEVICE inline float gate_score(GateKind kind, float z, float noise, float normal) {
  switch (kind) {
    case GateKind::kSigmoid:
      return sigmoid(z);
    case GateKind::kSqrtSoftplus:
      return square_root(softplus(z));
    case GateKind::kNoisyTopk:
      return fused(normal, sum(softplus(noise), 0.01f), z);
    default:
      return z;
  }
}

// Whether the weight is a softmax over the k chosen scores.
MOESIM_HOST_DEVICE inline bool weighs_the_chosen(GateKind kind) {
  return kind == GateKind::kTopkThenSoftmax || kind == GateKind::kNoisyTopk;
}

// Whether the weight is the score itself.
MOESIM_HOST_DEVICE inline bool weighs_by_score(GateKind kind) {
  return kind == GateKind::kSigmoid || kind == GateKind::kSqrtSoftplus;
}

}  // namespace moesim::kernels
