#include "kernels/profile/inputs.hpp"

#include <random>

namespace moesim::kernels {
namespace {

constexpr std::size_t kBlock = 1048573;  // the largest prime below 2^20

template <typename T, typename Make>
std::vector<T> fill(std::size_t count, std::size_t first, const Make& make) {
  std::vector<T> values(count);
  const std::size_t whole = std::min(count, kBlock);
  for (std::size_t i = 0; i < whole; ++i) values[i] = make(first + i);
  for (std::size_t i = whole; i < count; ++i) values[i] = values[i - kBlock];
  return values;
}

}  // namespace

Inputs::Inputs(std::uint64_t seed) : block_(kBlock) {
  std::mt19937_64 random(seed);  // fully specified by the standard, unlike its distributions
  for (float& value : block_) {
    const std::uint64_t bits = random();
    const float size = 0.1f + 0.9f * static_cast<float>(bits >> 40) * 0x1p-24f;
    value = (bits & 1) != 0 ? size : -size;
  }
}

std::vector<Bf16> Inputs::bf16(std::size_t count, float scale, std::size_t first) const {
  return fill<Bf16>(count, first, [&](std::size_t i) { return to_bf16(scale * value(i)); });
}

std::vector<float> Inputs::floats(std::size_t count, float scale, std::size_t first) const {
  return fill<float>(count, first, [&](std::size_t i) { return scale * value(i); });
}

std::vector<Fp8> Inputs::fp8(std::size_t count, std::size_t first) const {
  return fill<Fp8>(count, first, [&](std::size_t i) { return to_fp8(240 * value(i)); });
}

std::vector<float> Inputs::scales(std::size_t count, float scale, std::size_t first) const {
  return fill<float>(count, first, [&](std::size_t i) { return scale * (1 + 0.5f * value(i)); });
}

Buffer slice(const Buffer& buffer, std::size_t first, std::size_t bytes) {
  return Buffer(std::shared_ptr<void>(buffer.as<std::byte>() + first, [](void*) {}), bytes);
}

}  // namespace moesim::kernels
