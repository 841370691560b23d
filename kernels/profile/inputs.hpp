// Numbers for kernels to work on: random, never zero, the same for the same seed on any machine.
//
// A block of a prime number of values is drawn once and repeated, so that filling gigabytes costs
// no more than copying them, and no two rows or experts are alike.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/device.hpp"
#include "kernels/dtype.hpp"

namespace moesim::kernels {

class Inputs {
 public:
  explicit Inputs(std::uint64_t seed);

  // Value `index` of an endless sequence: in ±(0.1 .. 1), mean 0.
  float value(std::size_t index) const { return block_[index % block_.size()]; }

  std::vector<Bf16> bf16(std::size_t count, float scale, std::size_t first = 0) const;
  std::vector<float> floats(std::size_t count, float scale, std::size_t first = 0) const;
  // e4m3 numbers of ±(0.1 .. 1) · 240.
  std::vector<Fp8> fp8(std::size_t count, std::size_t first = 0) const;
  // Scales of 0.5 .. 1.5 times `scale`.
  std::vector<float> scales(std::size_t count, float scale, std::size_t first = 0) const;

 private:
  std::vector<float> block_;
};

// A view of part of a buffer, in bytes. The buffer must outlive it.
Buffer slice(const Buffer& buffer, std::size_t first, std::size_t bytes);

}  // namespace moesim::kernels
