#include "kernels/profile/rank_load.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <stdexcept>

namespace moesim::kernels {

std::vector<std::int32_t> routes_of(std::span<const int> rows, int input_tokens, int top_k) {
  const std::int64_t pairs = std::accumulate(rows.begin(), rows.end(), std::int64_t{0});
  const int largest = rows.empty() ? 0 : *std::max_element(rows.begin(), rows.end());
  if (largest > input_tokens || pairs > static_cast<std::int64_t>(input_tokens) * top_k)
    throw std::invalid_argument("rows do not fit the tokens that they are of");
  std::vector<std::int32_t> ids(
      static_cast<std::size_t>(input_tokens) * static_cast<std::size_t>(top_k), -1);
  std::int64_t pair = 0;
  for (std::size_t expert = 0; expert < rows.size(); ++expert)
    for (int row = 0; row < rows[expert]; ++row, ++pair) {
      const std::int64_t token = pair % input_tokens, choice = pair / input_tokens;
      ids[static_cast<std::size_t>(token * top_k + choice)] = static_cast<std::int32_t>(expert);
    }
  return ids;
}

}  // namespace moesim::kernels
