// The number formats of the kernels, with conversions that are the same on host and device.
//
// Bf16: 8 exponent and 7 mantissa bits. Fp8: e4m3 without infinities ("e4m3fn": Micikevicius et
// al., "FP8 formats for deep learning", 2022): largest 448, S.1111.111 is the only NaN. Both round
// to nearest even; Fp8 saturates at +-448, as CUDA's conversion with __NV_SATFINITE does.
#pragma once

#include <cstddef>
#include <cstdint>

#ifdef __CUDACC__
#define MOESIM_HOST_DEVICE __host__ __device__
#else
#define MOESIM_HOST_DEVICE
#endif

namespace moesim::kernels {

// What expert weights and the activations that meet them are stored in.
enum class Dtype {
  kBf16,
  kFp8Block,  // e4m3: a float scale for 128 x 128 weights and for 1 x 128 activations
};

struct Bf16 {
  std::uint16_t bits = 0;
};

struct Fp8 {
  std::uint8_t bits = 0;
};

inline constexpr float kFp8Largest = 448.0f;
inline constexpr int kScaleBlock = 128;  // columns (and rows, of weights) that share one scale

MOESIM_HOST_DEVICE inline float as_float(std::uint32_t bits) {
#ifdef __CUDA_ARCH__
  return __uint_as_float(bits);
#else
  return __builtin_bit_cast(float, bits);
#endif
}

MOESIM_HOST_DEVICE inline std::uint32_t as_bits(float value) {
#ifdef __CUDA_ARCH__
  return __float_as_uint(value);
#else
  return __builtin_bit_cast(std::uint32_t, value);
#endif
}

MOESIM_HOST_DEVICE inline float to_float(Bf16 value) {
  return as_float(static_cast<std::uint32_t>(value.bits) << 16);
}

MOESIM_HOST_DEVICE inline Bf16 to_bf16(float value) {
  const std::uint32_t bits = as_bits(value);
  const bool is_nan = (bits & 0x7fffffffu) > 0x7f800000u;
  const std::uint32_t rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
  return Bf16{static_cast<std::uint16_t>(is_nan ? 0x7fc0u : rounded >> 16)};
}

MOESIM_HOST_DEVICE inline float to_float(Fp8 value) {
  const std::uint32_t sign = (value.bits & 0x80u) << 24;
  const std::uint32_t exponent = (value.bits >> 3) & 0xfu, mantissa = value.bits & 0x7u;
  if (exponent == 0xf && mantissa == 0x7) return as_float(0x7fc00000u);
  if (exponent == 0) {  // subnormal: mantissa * 2^-9
    const float magnitude = static_cast<float>(mantissa) * 0.001953125f;
    return sign != 0 ? -magnitude : magnitude;
  }
  return as_float(sign | ((exponent + 120u) << 23) | (mantissa << 20));
}

MOESIM_HOST_DEVICE inline Fp8 to_fp8(float value) {
  const std::uint32_t bits = as_bits(value);
  const std::uint32_t sign = (bits >> 24) & 0x80u;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  std::uint32_t code = 0;
  if (magnitude > 0x7f800000u) {
    code = 0x7f;
  } else if (magnitude >= as_bits(kFp8Largest)) {
    code = 0x7e;
  } else if (magnitude < as_bits(0.015625f)) {
    // Below 2^-6 the steps are 2^-9: adding 2^14 leaves the sum rounded to just those steps.
    code = as_bits(as_float(magnitude) + 16384.0f) - as_bits(16384.0f);
  } else {
    const std::uint32_t rounded = magnitude + 0x7ffffu + ((magnitude >> 20) & 1u);
    code = (rounded >> 20) - (120u << 3);
    if (code > 0x7e) code = 0x7e;
  }
  return Fp8{static_cast<std::uint8_t>(sign | code)};
}

// Bytes of one weight, without its share of a scale.
MOESIM_HOST_DEVICE inline std::size_t bytes_of(Dtype dtype) {
  return dtype == Dtype::kBf16 ? 2 : 1;
}

MOESIM_HOST_DEVICE inline int ceil_div(int a, int b) { return (a + b - 1) / b; }

MOESIM_HOST_DEVICE inline int round_up(int a, int b) { return ceil_div(a, b) * b; }

}  // namespace moesim::kernels
