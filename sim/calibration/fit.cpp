#include "sim/calibration/fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "sim/calibration/pnorm_parameters.hpp"

namespace moesim {
namespace {

// Four significant digits, as a file holds them.
double rounded(double value) { return std::stod(fmt::format("{:.4g}", value)); }

std::vector<double> relative_errors(const PnormCoefficients<double>& coefficients,
                                    std::span<const PnormSample> samples) {
  std::vector<double> errors;
  for (const PnormSample& sample : samples)
    errors.push_back(pnorm_seconds(coefficients, sample) / sample.seconds - 1);
  return errors;
}

// The fold of each sample, [samples]: whole shapes, or whole token counts of a single shape.
std::vector<int> fold_of(const std::vector<PnormSample>& samples, int& folds) {
  std::map<std::string, int> shapes;
  std::map<int, int> tokens;
  for (const PnormSample& sample : samples) {
    shapes.emplace(sample.model_shape, 0);
    tokens.emplace(sample.tokens, 0);
  }
  const bool by_shape = shapes.size() > 1;
  folds = std::min(folds, static_cast<int>(by_shape ? shapes.size() : tokens.size()));
  int next = 0;
  for (auto& [shape, fold] : shapes) fold = next++ % folds;
  next = 0;
  for (auto& [count, fold] : tokens) fold = next++ % folds;
  std::vector<int> fold;
  for (const PnormSample& sample : samples)
    fold.push_back(by_shape ? shapes[sample.model_shape] : tokens[sample.tokens]);
  return fold;
}

// The number of each sample's distribution, [samples].
std::vector<int> skew_of(const std::vector<PnormSample>& samples, int& skews) {
  std::map<std::string, int> distributions;
  for (const PnormSample& sample : samples) distributions.emplace(sample.distribution, 0);
  skews = 0;
  for (auto& [name, number] : distributions) number = skews++;
  std::vector<int> skew;
  for (const PnormSample& sample : samples) skew.push_back(distributions[sample.distribution]);
  return skew;
}

// Every `step`-th sample, those of one fold left out (−1: none).
std::vector<PnormSample> thinned(const std::vector<PnormSample>& samples, std::size_t step,
                                 const std::vector<int>& fold, int left_out) {
  std::vector<PnormSample> kept;
  std::size_t seen = 0;
  for (std::size_t i = 0; i < samples.size(); ++i)
    if (fold[i] != left_out && seen++ % step == 0) kept.push_back(samples[i]);
  return kept;
}

// Converges on every eighth row, then settles on all of them.
PnormCoefficients<double> fit_in_two_passes(const std::vector<PnormSample>& samples,
                                            const PnormLimits& limits) {
  const std::size_t step = samples.size() > 4000 ? 8 : 1;
  const std::vector<int> no_folds(samples.size(), 0);
  const PnormCoefficients<double> coarse =
      fit_pnorm(thinned(samples, step, no_folds, -1), pnorm_start(), 150, limits);
  return step > 1 ? fit_pnorm(samples, coarse, 8, limits) : coarse;
}

// The relative error of each sample, by a fit that has not seen its fold.
std::vector<double> held_out_errors(const std::vector<PnormSample>& samples,
                                    const std::vector<int>& fold, int folds,
                                    const PnormLimits& limits) {
  std::vector<double> errors(samples.size());
  for (int left_out = 0; left_out < folds; ++left_out) {
    // A sixth of the rows tells nearly as much as all, and errs on the honest side.
    const std::vector<PnormSample> kept =
        thinned(samples, samples.size() > 4000 ? 6 : 1, fold, left_out);
    const PnormCoefficients<double> without = fit_pnorm(kept, pnorm_start(), 60, limits);
    for (std::size_t i = 0; i < samples.size(); ++i)
      if (fold[i] == left_out)
        errors[i] = pnorm_seconds(without, samples[i]) / samples[i].seconds - 1;
  }
  return errors;
}

// Experts of drawn loads that may stand for each other: of the same tiles of 64 rows, and far above
// those within 9 %.
int class_of(int rows) {
  constexpr int kTile = 64, kTiles = 16;
  if (rows <= kTile) return rows;
  if (rows <= kTile * kTiles) return kTile + (rows - 1) / kTile;
  return kTile + kTiles + static_cast<int>(8 * std::log2(rows / double{kTile * kTiles}));
}

}  // namespace

PnormSample pnorm_sample(const MoeRow& row, const std::vector<std::vector<int>>& draws,
                         const GpuSpec& gpu) {
  return pnorm_sample(
      expert_work(row, draws.front()), draws, gpu, row.measured, row.distribution,
      fmt::format("{}x{} top {} of {}", row.hidden, row.width, row.top_k, row.experts));
}

PnormSample pnorm_sample(const ExpertWork& work, const std::vector<std::vector<int>>& draws,
                         const GpuSpec& gpu, Seconds measured, std::string distribution,
                         std::string model_shape) {
  constexpr double kTile = 64;
  PnormSample sample{.shape = pnorm_shape(work, {.spec = gpu}, kTile),
                     .seconds = measured.value,
                     .tokens = static_cast<int>(work.input_tokens),
                     .distribution = std::move(distribution),
                     .model_shape = std::move(model_shape)};
  const double weight = 1.0 / static_cast<double>(draws.size());
  struct Experts {
    double number = 0, rows = 0;
  };
  std::map<int, Experts> alike;
  for (const std::vector<int>& draw : draws)
    for (const int rows : draw) {
      if (rows <= 0) continue;
      Experts& experts = alike[draws.size() > 1 ? class_of(rows) : rows];
      experts.number += weight;
      experts.rows += weight * rows;
    }
  for (const auto& [rows, experts] : alike) {
    sample.rows.emplace_back(experts.rows / experts.number, experts.number);
    sample.shape.active += experts.number;
    sample.shape.routes += experts.rows;
  }
  return sample;
}

double pnorm_seconds(const PnormCoefficients<double>& coefficients, const PnormSample& sample) {
  double seconds = pnorm_overhead(coefficients, sample.shape);
  for (const auto& [rows, count] : sample.rows) {
    const PnormParts<double> parts = pnorm_expert(coefficients, sample.shape, rows);
    seconds += (parts.compute + parts.memory) * count;
  }
  return seconds;
}

PnormFit fit_with_folds(const std::vector<PnormSample>& samples, int folds,
                        const PnormLimits& limits) {
  const PnormCoefficients<double> best = fit_in_two_passes(samples, limits);
  PnormFit fit;
  for (std::size_t i = 0; i < kPnormCount; ++i) fit.coefficients[i] = rounded(best[i]);
  fit.errors = relative_errors(fit.coefficients, samples);
  for (const PnormSample& sample : samples) fit.measured.push_back(sample.seconds);
  fit.fitted = summarize(fit.errors);
  fit.fitted_regimes = regimes_of(samples, fit.errors);
  fit.folds = folds;
  const std::vector<int> fold = fold_of(samples, fit.folds);
  if (fit.folds < 2) return fit;
  const std::vector<double> held_out = held_out_errors(samples, fold, fit.folds, limits);
  fit.held_out = summarize(held_out);
  fit.held_out_regimes = regimes_of(samples, held_out);
  int skews = 0;
  const std::vector<int> skew = skew_of(samples, skews);
  if (skews < 2) return fit;
  const std::vector<double> skew_errors = held_out_errors(samples, skew, skews, limits);
  fit.skew_held_out = summarize(skew_errors);
  for (Regime& regime : regimes_of(samples, skew_errors))
    if (!regime.name.starts_with("tokens ")) fit.skew_regimes.push_back(std::move(regime));
  return fit;
}

}  // namespace moesim
