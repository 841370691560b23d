#include "sim/base/random.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

std::uint64_t split_mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

// Of whole exponents, most of them small: std::pow takes several times as long. The factors are
// chosen without branches, which nobody could guess.
double whole_power(double base, int exponent) {
  double power = 1;
  for (; exponent > 0; exponent /= 2, base *= base) {
    const std::array<double, 2> factors = {1, base};
    power *= factors[static_cast<std::size_t>(exponent % 2)];
  }
  return power;
}

constexpr std::size_t kInverses = 64;
// 1 / n, because divisions are slow.
constexpr std::array<double, kInverses> inverses() {
  std::array<double, kInverses> inverses{};
  for (std::size_t n = 1; n < kInverses; ++n) inverses[n] = 1 / static_cast<double>(n);
  return inverses;
}
constexpr std::array<double, kInverses> kInverse = inverses();

// Inversion from the mode would need lgamma; from zero it is exact and cheap while n·p is small.
int binomial_by_inversion(Rng& rng, int n, double p) {
  const double q = 1 - p;
  const double ratio = p / q;
  double probability = whole_power(q, n);
  double u = rng.uniform();
  int successes = 0;
  while (u > probability && successes < n) {
    u -= probability;
    ++successes;
    const auto at = static_cast<std::size_t>(successes);
    probability *= ratio * (n - successes + 1) * (at < kInverses ? kInverse[at] : 1.0 / successes);
  }
  return successes;
}

// ln(k!) − [ln(2π)/2 + (k + 1/2) ln(k + 1) − (k + 1)].
double stirling_tail(double k) {
  static constexpr std::array<double, 10> kSmall = {
      0.08106146679532726,  0.04134069595540929, 0.02767792568499834, 0.02079067210376509,
      0.01664469118982119,  0.01387612882307075, 0.01189670994589177, 0.01041126526197209,
      0.009255462182712733, 0.008330563433362871};
  if (k < 10) return kSmall[static_cast<std::size_t>(k)];
  const double n = k + 1;
  return (1.0 / 12 - (1.0 / 360 - 1.0 / 1260 / (n * n)) / (n * n)) / n;
}

// ln of the chance of k successes over that of `mode` successes.
double log_binomial_ratio(int n, double p, double mode, double k) {
  return (mode + 0.5) * std::log((mode + 1) / (n - mode + 1)) -
         (k + 0.5) * std::log((k + 1) / (n - k + 1)) +
         (n + 1) * std::log((n - mode + 1) / (n - k + 1)) + (k - mode) * std::log(p / (1 - p)) +
         stirling_tail(mode) + stirling_tail(n - mode) - stirling_tail(k) - stirling_tail(n - k);
}

// Whether v is at most the chance of k successes over that of the mode: by recursion near the mode,
// by squeezes and only then by logarithms far from it (steps 3.1 to 3.4 of Hörmann's BTRD).
bool accept_binomial(int n, double p, int k, double v) {
  const double ratio = p / (1 - p), scaled = (n + 1) * ratio;
  const int mode = static_cast<int>((n + 1) * p);
  const double distance = std::abs(k - mode);
  if (distance <= 15) {
    double chance = 1;
    for (int i = mode + 1; i <= k; ++i) chance *= scaled / i - ratio;
    for (int i = k + 1; i <= mode; ++i) v *= scaled / i - ratio;
    return v <= chance;
  }
  const double variance = n * p * (1 - p);
  const double width =
      (distance / variance) * (((distance / 3 + 0.625) * distance + 1.0 / 6) / variance + 0.5);
  const double center = -distance * distance / (2 * variance);
  v = std::log(v);
  if (v < center - width) return true;
  if (v > center + width) return false;
  return v <= log_binomial_ratio(n, p, mode, k);
}

// For larger means: transformed rejection BTRS (Hörmann 1993), p <= 1/2, n·p >= 10.
int binomial_by_rejection(Rng& rng, int n, double p) {
  const double spread = std::sqrt(n * p * (1 - p));
  const double b = 1.15 + 2.53 * spread;
  const double a = -0.0873 + 0.0248 * b + 0.01 * p;
  const double c = n * p + 0.5;
  const double v_r = 0.92 - 4.2 / b;
  while (true) {
    // 32 bits are plenty beside the steps of a count.
    const double u = (rng.next() + 0.5) * 0x1.0p-32 - 0.5;
    const double v = (rng.next() + 0.5) * 0x1.0p-32;
    const double us = 0.5 - std::fabs(u);
    const double place = (2 * a / us + b) * u + c;
    if (!(place >= 0 && place < n + 1.0)) continue;
    const int k = static_cast<int>(place);
    if (us >= 0.07 && v <= v_r) return k;
    // A third of the draws come here.
    const double alpha = (2.83 + 5.1 / b) * spread;
    if (accept_binomial(n, p, k, v * alpha / (a / (us * us) + b))) return k;
  }
}

// Layers of equal area under exp(−x²/2), for Rng::normal().
struct Ziggurat {
  static constexpr std::size_t kLayers = 128;  // a power of two
  static constexpr double kTail = 3.442619855899;
  static constexpr double kArea = 9.91256303526217e-3;

  // Layer i reaches from height[i] to height[i + 1]; its part up to edge[i + 1] is all below the
  // curve. edge[0] is the base layer's width with the tail folded in.
  std::array<double, kLayers + 1> edge, height;

  Ziggurat() {
    const auto curve = [](double x) { return std::exp(-0.5 * x * x); };
    edge[0] = kArea / curve(kTail);
    edge[1] = kTail;
    height[0] = 0;
    height[1] = curve(kTail);
    for (std::size_t i = 2; i < kLayers; ++i) {
      height[i] = height[i - 1] + kArea / edge[i - 1];
      edge[i] = std::sqrt(-2 * std::log(height[i]));
    }
    edge[kLayers] = 0;
    height[kLayers] = 1;
  }
};

// |x| of a normal beyond Ziggurat::kTail (Marsaglia 1964).
double normal_tail(Rng& rng) {
  while (true) {
    const double x = -std::log(1 - rng.uniform()) / Ziggurat::kTail;
    const double y = -std::log(1 - rng.uniform());
    if (y + y > x * x) return Ziggurat::kTail + x;
  }
}

}  // namespace

namespace {

// Blocks with consecutive counters, one after another. Each is ten rounds that wait for their
// multiplications; side by side they do not.
template <std::size_t Blocks>
void philox_blocks(const std::array<std::uint32_t, 4>& counter,
                   const std::array<std::uint32_t, 2>& key, std::uint32_t* out) {
  std::array<std::uint32_t, Blocks> a, b, c, d;
  for (std::size_t i = 0; i < Blocks; ++i) {
    a[i] = counter[0] + static_cast<std::uint32_t>(i);
    b[i] = counter[1];
    c[i] = counter[2];
    d[i] = counter[3];
  }
  std::uint32_t low_key = key[0], high_key = key[1];
  for (int round = 0; round < 10; ++round) {
    for (std::size_t i = 0; i < Blocks; ++i) {
      const std::uint64_t first = 0xD2511F53ULL * a[i];
      const std::uint64_t second = 0xCD9E8D57ULL * c[i];
      a[i] = static_cast<std::uint32_t>(second >> 32) ^ b[i] ^ low_key;
      b[i] = static_cast<std::uint32_t>(second);
      c[i] = static_cast<std::uint32_t>(first >> 32) ^ d[i] ^ high_key;
      d[i] = static_cast<std::uint32_t>(first);
    }
    low_key += 0x9E3779B9U;
    high_key += 0xBB67AE85U;
  }
  for (std::size_t i = 0; i < Blocks; ++i) {
    out[4 * i] = a[i];
    out[4 * i + 1] = b[i];
    out[4 * i + 2] = c[i];
    out[4 * i + 3] = d[i];
  }
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) {
  std::array<std::uint32_t, 4> block{};
  philox_blocks<1>(counter, key, block.data());
  return block;
}

Rng::Rng(std::uint64_t seed, Purpose purpose, std::uint32_t a, std::uint32_t b, std::uint32_t c)
    : counter_{0, a, b, c} {
  const std::uint64_t key = split_mix(seed ^ split_mix(static_cast<std::uint64_t>(purpose)));
  key_ = {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)};
}

void Rng::refill() {
  constexpr std::size_t kBlocks = kBuffered / 4;
  philox_blocks<kBlocks>(counter_, key_, buffer_.data());
  counter_[0] += kBlocks;
  used_ = 0;
}

double Rng::uniform() {
  const std::uint64_t high = next() >> 5;
  const std::uint64_t low = next() >> 6;
  return static_cast<double>((high << 26) | low) * 0x1.0p-53;
}

// Marsaglia and Tsang's method, with the layer and the place in it from different bits (Doornik
// 2005).
double Rng::normal() {
  static const Ziggurat ziggurat;
  while (true) {
    const std::uint32_t bits = next();
    const std::size_t layer = bits & (Ziggurat::kLayers - 1);
    const double sign = (bits & Ziggurat::kLayers) != 0 ? -1 : 1;
    const double place = (bits >> 8) * 0x1.0p-24;
    const double x = place * ziggurat.edge[layer];
    if (x < ziggurat.edge[layer + 1]) return sign * x;
    if (layer == 0) return sign * normal_tail(*this);
    const double low = ziggurat.height[layer], high = ziggurat.height[layer + 1];
    if (low + uniform() * (high - low) < std::exp(-0.5 * x * x)) return sign * x;
  }
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
