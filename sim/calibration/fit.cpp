#include "sim/calibration/fit.hpp"

#include <ceres/ceres.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "sim/base/check.hpp"
#include "sim/calibration/pnorm_parameters.hpp"

namespace moesim {
namespace {

constexpr double kLossScale = 0.05;  // errors above 5 % count linearly

struct Bounds {
  double start = 0, low = 0, high = 0;  // high = 0: none
};

// In the order of Pnorm. Efficiencies stay below what any kernel reaches of a datasheet rate.
constexpr std::array<Bounds, kPnormCount> kBounds = {{
    {16e-6, 0, 0},     // base
    {0.2e-6, 0, 0},    // slot
    {0.02e-6, 0, 0},   // active
    {8e-9, 0, 0},      // expert
    {1e-9, 0, 0},      // hidden
    {0.5e-9, 0, 0},    // width
    {0.6, 0.05, 0.9},  // compute_efficiency
    {0.9, 0.1, 0.97},  // memory_efficiency
    {4, 1.2, 8},       // exponent
    {60, 0, 1000},     // extra_width
    {0.5, 0, 2},       // reread
    {7, 2, 128},       // tile_base
    {0.7, 0, 4},       // tile_slope
    {8e-12, 0, 0},     // route_hidden
    {6e-12, 0, 0},     // route_width
    {0.7e-12, 0, 0},   // token_hidden
    {0.25e-9, 0, 0},   // token_choice
    {4e-12, 0, 0},     // token_expert
}};

// The logarithm of predicted over measured time; unknowns are coefficients / start.
struct LogRatio {
  const PnormSample* sample;

  template <class T>
  bool operator()(const T* const unknowns, T* residual) const {
    using std::log;
    PnormCoefficients<T> coefficients;
    for (std::size_t i = 0; i < kPnormCount; ++i) coefficients[i] = unknowns[i] * kBounds[i].start;
    T seconds = pnorm_overhead(coefficients, sample->shape);
    for (const auto& [rows, count] : sample->rows) {
      const PnormParts<T> parts = pnorm_expert(coefficients, sample->shape, rows);
      seconds += (parts.compute + parts.memory) * count;
    }
    residual[0] = log(seconds / sample->seconds);
    return true;
  }
};

// From where a fit starts: decides only what the measurements leave open.
struct Distance {
  template <class T>
  bool operator()(const T* const unknowns, T* residual) const {
    constexpr double kWeight = 0.003;  // of being off by all of it
    for (std::size_t i = 0; i < kPnormCount; ++i) residual[i] = kWeight * (unknowns[i] - 1.0);
    return true;
  }
};

void set_bounds(ceres::Problem& problem, double* unknowns, const PnormLimits& limits) {
  for (std::size_t i = 0; i < kPnormCount; ++i) {
    const int index = static_cast<int>(i);
    double high = kBounds[i].high;
    if (Pnorm(i) == Pnorm::kComputeEfficiency) high = limits.compute;
    if (Pnorm(i) == Pnorm::kMemoryEfficiency) high = limits.memory;
    problem.SetParameterLowerBound(unknowns, index, kBounds[i].low / kBounds[i].start);
    if (high > 0) problem.SetParameterUpperBound(unknowns, index, high / kBounds[i].start);
  }
}

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
  std::map<int, double> experts_with;
  for (const std::vector<int>& draw : draws)
    for (const int rows : draw)
      if (rows > 0) experts_with[rows] += weight;
  for (const auto& [rows, experts] : experts_with) {
    sample.rows.emplace_back(rows, experts);
    sample.shape.active += experts;
    sample.shape.routes += rows * experts;
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

PnormCoefficients<double> pnorm_start() {
  PnormCoefficients<double> start;
  for (std::size_t i = 0; i < kPnormCount; ++i) start[i] = kBounds[i].start;
  return start;
}

PnormCoefficients<double> fit_pnorm(std::span<const PnormSample> samples,
                                    const PnormCoefficients<double>& start, int iterations,
                                    const PnormLimits& limits) {
  MOESIM_CHECK(!samples.empty(), "a fit has measurements");
  std::array<double, kPnormCount> unknowns;
  for (std::size_t i = 0; i < kPnormCount; ++i) unknowns[i] = start[i] / kBounds[i].start;
  ceres::Problem problem;
  auto* loss = new ceres::SoftLOneLoss(kLossScale);  // the problem owns it
  for (const PnormSample& sample : samples)
    problem.AddResidualBlock(
        new ceres::AutoDiffCostFunction<LogRatio, 1, kPnormCount>(new LogRatio{&sample}), loss,
        unknowns.data());
  problem.AddResidualBlock(
      new ceres::AutoDiffCostFunction<Distance, kPnormCount, kPnormCount>(new Distance), nullptr,
      unknowns.data());
  set_bounds(problem, unknowns.data(), limits);
  ceres::Solver::Options options;
  options.linear_solver_type = ceres::DENSE_NORMAL_CHOLESKY;
  options.max_num_iterations = iterations;
  // A few samples are settled with little work.
  options.function_tolerance = samples.size() > 1000 ? 1e-6 : 1e-10;
  options.num_threads = 1;  // the sums, and so the digits, do not depend on the machine's cores
  options.logging_type = ceres::SILENT;
  ceres::Solver::Summary summary;
  ceres::Solve(options, &problem, &summary);
  PnormCoefficients<double> coefficients;
  for (std::size_t i = 0; i < kPnormCount; ++i)
    coefficients[i] = std::max(0.0, unknowns[i]) * kBounds[i].start;
  return coefficients;
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
