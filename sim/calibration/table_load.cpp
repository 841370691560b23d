#include "sim/calibration/table_load.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

using Difference = std::vector<int>::difference_type;

// Inverse of the cumulative density ~ x^−alpha on [low, high].
double power_law_sample(double u, double alpha, double low, double high) {
  const double power = 1 - alpha;
  if (std::fabs(power) < 1e-9) return low * std::pow(high / low, u);
  const double from = std::pow(low, power);
  return std::pow((std::pow(high, power) - from) * u + from, 1 / power);
}

// Gives what is missing (or takes an excess), one route at a time, the ranks in turn, each time to
// the rank's least loaded expert (from its most loaded).
void settle(std::vector<int>& load, std::int64_t missing, const LoadShape& shape) {
  const Difference local = shape.experts / shape.ranks;
  for (Difference rank = 0; missing != 0; rank = (rank + 1) % shape.ranks) {
    const auto begin = load.begin() + rank * local;
    if (missing > 0) {
      const auto least = std::min_element(begin, begin + local);
      if (*least >= shape.tokens) continue;
      ++*least;
      --missing;
    } else {
      const auto most = std::max_element(begin, begin + local);
      if (*most <= 0) continue;
      --*most;
      ++missing;
    }
  }
}

void move_heaviest_rank_first(std::vector<int>& load, const LoadShape& shape) {
  const Difference local = shape.experts / shape.ranks;
  Difference heaviest = 0;
  std::int64_t most = -1;
  for (Difference rank = 0; rank < shape.ranks; ++rank) {
    const auto begin = load.begin() + rank * local;
    const std::int64_t sum = std::accumulate(begin, begin + local, std::int64_t{0});
    if (sum > most) most = sum, heaviest = rank;
  }
  if (heaviest != 0)
    std::swap_ranges(load.begin(), load.begin() + local, load.begin() + heaviest * local);
}

}  // namespace

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
  MOESIM_CHECK(shape.top_k <= shape.experts, "a token has room for its choices");
  const std::int64_t routes = std::int64_t{shape.tokens} * shape.top_k;
  const bool dense = routes > shape.experts;
  std::vector<double> draws(static_cast<std::size_t>(shape.experts));
  for (double& draw : draws)
    draw = power_law_sample(rng.uniform(), alpha, dense ? 1 : 0.01, dense ? 0.8 * shape.tokens : 2);
  const double total = std::accumulate(draws.begin(), draws.end(), 0.0);
  std::vector<int> load;
  std::int64_t given = 0;
  for (const double draw : draws) {
    const double rounded = std::nearbyint(draw / total * static_cast<double>(routes));
    load.push_back(std::min(static_cast<int>(rounded), shape.tokens));
    given += load.back();
  }
  settle(load, routes - given, shape);
  move_heaviest_rank_first(load, shape);
  return load;
}

}  // namespace moesim
