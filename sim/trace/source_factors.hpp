// What a source GPU's text changes about the popularity of experts: a factor for each, which stays
// over the steps, and so is drawn once.
#pragma once

#include <span>
#include <vector>

#include "sim/base/ids.hpp"
#include "sim/base/random.hpp"

namespace moesim {

class SourceFactors {
 public:
  // exp(sigma · N(0, 1)) for each expert, [experts]; valid until the next call. `sigma` is above 0
  // and always the same.
  std::span<const double> of(const Random& random, double sigma, LayerId layer, GpuId source,
                             std::size_t experts);

 private:
  static constexpr std::size_t kMostKept = 8 << 20;  // factors, 64 MiB; others are drawn anew

  std::uint64_t seed_ = 0;
  std::size_t kept_ = 0;  // factors
  IdVector<LayerId, IdVector<GpuId, std::vector<double>>> factors_;
  std::vector<double> passing_;
};

}  // namespace moesim
