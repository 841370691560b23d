// Scores as unsigned integers of the same order, so that a warp finds its largest in one
// instruction (redux.sync, compute capability 8.0).
#pragma once

#include "kernels/dtype.hpp"

namespace moesim::kernels {

// Below the key of every score, -infinity too: an expert that is not in the running.
inline constexpr std::uint32_t kNoKey = 0;

// a < b exactly where score_key(a) < score_key(b). Zeros of both signs have the same key.
MOESIM_HOST_DEVICE inline std::uint32_t score_key(float score) {
  const std::uint32_t bits = as_bits(score + 0.0f);
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}

MOESIM_HOST_DEVICE inline float score_of_key(std::uint32_t key) {
  return as_float((key & 0x80000000u) != 0 ? key & 0x7fffffffu : ~key);
}

}  // namespace moesim::kernels
