// Fp8 with one scale for each run of 128 numbers.
#pragma once

#include "kernels/dtype.hpp"

namespace moesim::kernels {

// The scale of numbers whose largest magnitude is `largest`: that number becomes 448.
MOESIM_HOST_DEVICE inline float scale_for(float largest) {
  return largest > 0 ? largest / kFp8Largest : 1.0f;
}

}  // namespace moesim::kernels
