#include "sim/model/power_law.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

double inverse_cumulative(double u, double alpha, double low, double high) {
  const double power = 1 - alpha;
  if (std::fabs(power) < 1e-9) return low * std::pow(high / low, u);
  const double from = std::pow(low, power);
  return std::pow((std::pow(high, power) - from) * u + from, 1 / power);
}

void settle(std::vector<int>& load, std::int64_t missing, const PowerLawShape& shape) {
  const auto local = std::ssize(load) / shape.ranks;
  for (std::ptrdiff_t rank = 0; missing != 0; rank = (rank + 1) % shape.ranks) {
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

void swap_heaviest_rank_to_the_front(std::vector<int>& load, int ranks) {
  const auto local = std::ssize(load) / ranks;
  std::ptrdiff_t heaviest = 0;
  std::int64_t most = -1;
  for (std::ptrdiff_t rank = 0; rank < ranks; ++rank) {
    const auto begin = load.begin() + rank * local;
    const std::int64_t sum = std::accumulate(begin, begin + local, std::int64_t{0});
    if (sum <= most) continue;
    most = sum;
    heaviest = rank;
  }
  if (heaviest > 0)
    std::swap_ranges(load.begin(), load.begin() + local, load.begin() + heaviest * local);
}

}  // namespace

std::vector<double> power_law_draws(const PowerLawShape& shape, double alpha, Rng& rng) {
  const bool dense = std::int64_t{shape.tokens} * shape.top_k > shape.experts;
  const double low = dense ? 1 : 0.01;
  const double high = dense ? std::max(1.0, 0.8 * shape.tokens) : 2;
  std::vector<double> draws(static_cast<std::size_t>(shape.experts));
  for (double& draw : draws) draw = inverse_cumulative(rng.uniform(), alpha, low, high);
  return draws;
}

std::vector<int> power_law_routes(const PowerLawShape& shape, const std::vector<double>& draws) {
  MOESIM_CHECK(shape.top_k <= shape.experts, "a token asks for distinct experts");
  MOESIM_CHECK(shape.experts % shape.ranks == 0, "ranks hold equal shares of the experts");
  const std::int64_t routes = std::int64_t{shape.tokens} * shape.top_k;
  const double total = std::accumulate(draws.begin(), draws.end(), 0.0);
  std::vector<int> load;
  std::int64_t given = 0;
  for (const double draw : draws) {
    const double rounded = std::nearbyint(draw / total * static_cast<double>(routes));
    load.push_back(static_cast<int>(std::min<double>(rounded, shape.tokens)));
    given += load.back();
  }
  settle(load, routes - given, shape);
  swap_heaviest_rank_to_the_front(load, shape.ranks);
  return load;
}

}  // namespace moesim
