// Eight bf16 numbers as one 16-byte access.
#pragma once

#include "kernels/dtype.hpp"

namespace moesim::kernels {

inline constexpr int kRowVector = 8;

// `row` must be aligned to 16 bytes; vector v holds numbers 8 v .. 8 v + 7.
__device__ inline uint4 load_vector(const Bf16* row, int vector) {
  return __ldg(reinterpret_cast<const uint4*>(row) + vector);
}

__device__ inline void store_vector(Bf16* row, int vector, uint4 values) {
  reinterpret_cast<uint4*>(row)[vector] = values;
}

// The two numbers of a 32-bit word, the one at the lower address first.
__device__ inline float low_of(unsigned word) { return __uint_as_float(word << 16); }
__device__ inline float high_of(unsigned word) { return __uint_as_float(word & 0xffff0000u); }

__device__ inline void unpack(uint4 packed, float (&values)[kRowVector]) {
  const unsigned words[4] = {packed.x, packed.y, packed.z, packed.w};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    values[2 * i] = low_of(words[i]);
    values[2 * i + 1] = high_of(words[i]);
  }
}

__device__ inline unsigned pack_two(float low, float high) {
  return to_bf16(low).bits | static_cast<unsigned>(to_bf16(high).bits) << 16;
}

__device__ inline uint4 pack(const float (&values)[kRowVector]) {
  return make_uint4(pack_two(values[0], values[1]), pack_two(values[2], values[3]),
                    pack_two(values[4], values[5]), pack_two(values[6], values[7]));
}

}  // namespace moesim::kernels
