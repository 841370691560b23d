// A row of floats to fp8 with a scale for each 128 numbers, and back.
#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/block_scale.hpp"
#include "kernels/dtype.hpp"

namespace moesim::kernels {

// The scale of 128 numbers.
inline float scale_of(const float* values) {
  float largest = 0;
  for (int i = 0; i < kScaleBlock; ++i) largest = std::max(largest, std::abs(values[i]));
  return scale_for(largest);
}

// Rounds `width` numbers (a multiple of 128) to what fp8 with scales can say.
inline void round_to_fp8(float* values, int width) {
  for (int begin = 0; begin < width; begin += kScaleBlock) {
    const float scale = scale_of(values + begin);
    for (int i = begin; i < begin + kScaleBlock; ++i)
      values[i] = to_float(to_fp8(values[i] / scale)) * scale;
  }
}

inline void quantize(const float* values, int width, Fp8* out, float* scales) {
  for (int begin = 0; begin < width; begin += kScaleBlock) {
    const float scale = scale_of(values + begin);
    scales[begin / kScaleBlock] = scale;
    for (int i = begin; i < begin + kScaleBlock; ++i) out[i] = to_fp8(values[i] / scale);
  }
}

}  // namespace moesim::kernels
