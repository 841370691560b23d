#include "sim/exchange/conditional_poisson.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace moesim {
namespace {

// A likelier item makes the division by its factor lose digits; there are at most draws / 0.4 such.
constexpr double kHeavy = 0.4;
constexpr double kSure = 1 - 1e-6;      // likelier items are always drawn
constexpr double kBelowOne = 1 - 1e-9;  // keeps odds finite while they are fitted
constexpr int kFits = 60;               // 3 to 5 are used with many items, tens with three
constexpr double kFitTolerance = 1e-6;
constexpr double kDrift = 0.2;  // of the expected number of items that is let be

double odds(double probability) { return probability / (1 - probability); }

// Multiplies by (none + one·x).
void multiply(std::vector<double>& polynomial, double none, double one) {
  for (std::size_t i = polynomial.size() - 1; i > 0; --i)
    polynomial[i] = none * polynomial[i] + one * polynomial[i - 1];
  polynomial[0] *= none;
}

// Divides by (1 − p + p·x) and multiplies by (1 − p + kept·p·x), in one pass.
void exchange_factor(std::vector<double>& polynomial, double p, double kept) {
  const double scale = 1 / (1 - p);
  double quotient_before = 0;
  for (double& coefficient : polynomial) {
    const double quotient = (coefficient - p * quotient_before) * scale;
    coefficient = (1 - p) * quotient + kept * p * quotient_before;
    quotient_before = quotient;
  }
}

// Probability of each item to be among `draws`, for the given odds: the recursion over the number
// of draws of Chen, Dempster and Liu.
std::vector<double> inclusion_of(std::span<const double> lambda, int draws) {
  std::vector<double> inclusion(lambda.size());
  for (int n = 1; n <= draws; ++n) {
    double sum = 0;
    for (std::size_t i = 0; i < lambda.size(); ++i) {
      inclusion[i] = lambda[i] * (1 - inclusion[i]);
      sum += inclusion[i];
    }
    const double scale = n / sum;
    for (double& value : inclusion) value = std::min(value * scale, kBelowOne);
  }
  return inclusion;
}

// Only ratios of odds matter. Odds that have drifted off together, so that far more or fewer items
// than are drawn would be expected, are brought back: else the polynomials would underflow.
void rescale(std::span<double> lambda, int draws) {
  const auto expected = [&](double scale) {
    double sum = 0;
    for (const double value : lambda) sum += 1 - 1 / (1 + scale * value);
    return sum;
  };
  const double most = std::min<double>(draws, static_cast<double>(lambda.size()) - draws);
  if (most <= 0 || std::fabs(expected(1) - draws) < kDrift * most) return;
  double low = -1000, high = 1000;  // of log2 of the scale
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (expected(std::exp2(middle)) < draws ? low : high) = middle;
  }
  for (double& value : lambda) value *= std::exp2(low);
}

}  // namespace

ConditionalPoisson::ConditionalPoisson(std::span<const double> inclusion, int draws)
    : draws_(draws) {
  std::vector<double> wanted(inclusion.begin(), inclusion.end());
  for (double& value : wanted) value = std::clamp(value, 0.0, 1.0);
  const double sum = std::accumulate(wanted.begin(), wanted.end(), 0.0);
  const double missing = draws - sum;
  if (missing < 0)
    for (double& value : wanted) value *= draws / sum;
  if (missing > 1e-9) wanted.insert(wanted.end(), static_cast<std::size_t>(draws), missing / draws);
  fit(wanted);
  light_.assign(static_cast<std::size_t>(draws) + 1, 0);
  light_[0] = 1;
  heavy_place_.assign(p_.size(), -1);
  for (std::size_t i = 0; i < p_.size(); ++i) {
    if (p_[i] <= kHeavy) {
      multiply(light_, 1 - p_[i], p_[i]);
    } else {
      heavy_place_[i] = static_cast<int>(heavy_.size());
      heavy_.push_back(static_cast<int>(i));
    }
  }
  Polynomial all = light_;
  for (const int item : heavy_) {
    const double p = p_[static_cast<std::size_t>(item)];
    multiply(all, 1 - p, p);
  }
  total_ = all.back();
}

void ConditionalPoisson::fit(std::span<const double> inclusion) {
  std::vector<std::size_t> open;  // items that are neither always nor never drawn
  std::vector<double> lambda;
  int draws = draws_;
  p_.assign(inclusion.size(), 0);
  for (std::size_t i = 0; i < inclusion.size(); ++i) {
    if (inclusion[i] >= kSure) {
      p_[i] = 1;
      --draws;
    } else if (inclusion[i] > 0) {
      open.push_back(i);
      lambda.push_back(odds(inclusion[i]));
    }
  }
  if (draws <= 0) return;
  // Where an item is nearly sure, rounding errors of the recursion may grow from round to round.
  std::vector<double> best = lambda;
  double least = 1;
  for (int round = 0; round < kFits; ++round) {
    const std::vector<double> before = lambda;
    const std::vector<double> got = inclusion_of(lambda, draws);
    double worst = 0;
    for (std::size_t i = 0; i < lambda.size(); ++i) {
      const double wanted = inclusion[open[i]];
      worst = std::max(worst, std::fabs(got[i] - wanted));
      lambda[i] *= odds(wanted) / odds(got[i]);
    }
    if (worst < least) least = worst, best = worst < kFitTolerance ? lambda : before;
    if (worst < kFitTolerance) break;
  }
  lambda = std::move(best);
  rescale(lambda, draws);
  for (std::size_t i = 0; i < lambda.size(); ++i) p_[open[i]] = lambda[i] / (1 + lambda[i]);
}

double ConditionalPoisson::none_marked(std::span<const Mark> marks) const {
  Polynomial product = light_;
  std::vector<double> kept(heavy_.size(), 1);
  for (const Mark& mark : marks) {
    const auto item = static_cast<std::size_t>(mark.item);
    if (heavy_place_[item] >= 0) {
      kept[static_cast<std::size_t>(heavy_place_[item])] = 1 - mark.probability;
    } else {
      exchange_factor(product, p_[item], 1 - mark.probability);
    }
  }
  for (std::size_t i = 0; i < heavy_.size(); ++i) {
    const double p = p_[static_cast<std::size_t>(heavy_[i])];
    multiply(product, 1 - p, p * kept[i]);
  }
  return std::clamp(product.back() / total_, 0.0, 1.0);
}

}  // namespace moesim
