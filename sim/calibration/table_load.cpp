#include "sim/calibration/table_load.hpp"

#include <cstdint>

namespace moesim {
std::vector<int> balanced_load(const LoadShape& shape) {
  std::vector<int> load(static_cast<std::size_t>(shape.experts), 0);
  const std::int64_t stride = (shape.experts + shape.top_k - 1) / shape.top_k;
  for (std::int64_t token = 0; token < shape.tokens; ++token) {
    const std::int64_t first = shape.tokens < stride ? token * stride / shape.tokens : token;
    for (std::int64_t choice = 0; choice < shape.top_k; ++choice)
      ++load[static_cast<std::size_t>((first + choice * stride) % shape.experts)];
  }
  return load;
}

std::vector<int> power_law_load(const LoadShape& shape, double alpha, Rng& rng) {
  return power_law_routes(shape, power_law_draws(shape, alpha, rng));
}

}  // namespace moesim
