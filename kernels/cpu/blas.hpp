// Matrix products of widened numbers: bf16 and fp8 are stored narrow and multiplied as float32.
#pragma once

#include <cblas.h>

#include "kernels/dtype.hpp"

namespace moesim::kernels {

inline void widen(const Bf16* from, std::size_t count, float* to) {
  for (std::size_t i = 0; i < count; ++i) to[i] = to_float(from[i]);
}

inline void narrow(const float* from, std::size_t count, Bf16* to) {
  for (std::size_t i = 0; i < count; ++i) to[i] = to_bf16(from[i]);
}

// c[i, j] = sum over l of a[i, l] * b[j, l]; rows of a and b `depth` long, of c `stride`.
inline void multiply_transposed(int rows, int columns, int depth, const float* a, const float* b,
                                float* c, int stride) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, columns, depth, 1.0f, a, depth, b,
              depth, 0.0f, c, stride);
}

}  // namespace moesim::kernels
