#include "sim/base/random.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

std::uint64_t split_mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

// Inversion from the mode would need lgamma; from zero it is exact and cheap while n·p is small.
int binomial_by_inversion(Rng& rng, int n, double p) {
  const double q = 1 - p;
  const double ratio = p / q;
  double probability = std::pow(q, n);
  double u = rng.uniform();
  int successes = 0;
  while (u > probability && successes < n) {
    u -= probability;
    ++successes;
    probability *= ratio * (n - successes + 1) / successes;
  }
  return successes;
}

// For larger means: transformed rejection BTRS (Hörmann 1993), p <= 1/2, n·p >= 10.
int binomial_by_rejection(Rng& rng, int n, double p) {
  const double spread = std::sqrt(n * p * (1 - p));
  const double b = 1.15 + 2.53 * spread;
  const double a = -0.0873 + 0.0248 * b + 0.01 * p;
  const double c = n * p + 0.5;
  const double v_r = 0.92 - 4.2 / b;
  const double alpha = (2.83 + 5.1 / b) * spread;
  const double mode = std::floor((n + 1) * p);
  const double log_odds = std::log(p / (1 - p));
  const double h = std::lgamma(mode + 1) + std::lgamma(n - mode + 1);
  while (true) {
    const double u = rng.uniform() - 0.5;
    double v = rng.uniform();
    const double us = 0.5 - std::fabs(u);
    const double k = std::floor((2 * a / us + b) * u + c);
    if (k < 0 || k > n) continue;
    if (us >= 0.07 && v <= v_r) return static_cast<int>(k);
    v = std::log(v * alpha / (a / (us * us) + b));
    if (v <= h - std::lgamma(k + 1) - std::lgamma(n - k + 1) + (k - mode) * log_odds)
      return static_cast<int>(k);
  }
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t first = 0xD2511F53ULL * counter[0];
    const std::uint64_t second = 0xCD9E8D57ULL * counter[2];
    counter = {static_cast<std::uint32_t>(second >> 32) ^ counter[1] ^ key[0],
               static_cast<std::uint32_t>(second),
               static_cast<std::uint32_t>(first >> 32) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(first)};
    key[0] += 0x9E3779B9U;
    key[1] += 0xBB67AE85U;
  }
  return counter;
}

Rng::Rng(std::uint64_t seed, Purpose purpose, std::uint32_t a, std::uint32_t b, std::uint32_t c)
    : counter_{0, a, b, c} {
  const std::uint64_t key = split_mix(seed ^ split_mix(static_cast<std::uint64_t>(purpose)));
  key_ = {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)};
}

std::uint32_t Rng::next() {
  if (used_ == 4) {
    block_ = philox4x32(counter_, key_);
    ++counter_[0];
    used_ = 0;
  }
  return block_[static_cast<std::size_t>(used_++)];
}

double Rng::uniform() {
  const std::uint64_t high = next() >> 5;
  const std::uint64_t low = next() >> 6;
  return static_cast<double>((high << 26) | low) * 0x1.0p-53;
}

double Rng::normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_normal_;
  }
  const double radius = std::sqrt(-2 * std::log(1 - uniform()));
  const double angle = 2 * std::numbers::pi * uniform();
  spare_normal_ = radius * std::sin(angle);
  has_spare_ = true;
  return radius * std::cos(angle);
}

int Rng::below(int count) {
  MOESIM_CHECK(count > 0, "a draw needs something to draw from");
  // Lemire's multiplication with rejection of the biased low part.
  const std::uint32_t range = static_cast<std::uint32_t>(count);
  std::uint64_t product = static_cast<std::uint64_t>(next()) * range;
  if (static_cast<std::uint32_t>(product) < range) {
    const std::uint32_t threshold = (0U - range) % range;
    while (static_cast<std::uint32_t>(product) < threshold)
      product = static_cast<std::uint64_t>(next()) * range;
  }
  return static_cast<int>(product >> 32);
}

int Rng::binomial(int n, double p) {
  if (n <= 0 || p <= 0) return 0;
  if (p >= 1) return n;
  if (p > 0.5) return n - binomial(n, 1 - p);
  return n * p < 10 ? binomial_by_inversion(*this, n, p) : binomial_by_rejection(*this, n, p);
}

}  // namespace moesim
