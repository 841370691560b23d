#include "sim/calibration/kernel_fit.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "sim/base/check.hpp"
#include "sim/calibration/cost_fields.hpp"
#include "sim/calibration/prior_fit.hpp"

namespace moesim {
namespace {

constexpr std::size_t kEnough = 1200;  // rows that a fit looks at
constexpr double kWeight = 0.003;      // of a coefficient that is off by all of its start
constexpr double kTolerance = 1e-8;

using Rows = std::vector<std::size_t>;

double seconds_of(const KernelFitRequest& request, std::span<const double> values,
                  std::size_t row) {
  const KernelWork work = kernel_work(request.samples[row]);
  return request.model.time(values, work, {.spec = request.gpu}).total().value;
}

double given_value(const KernelFitRequest& request, const Coefficient& coefficient) {
  for (const auto& [name, value] : request.given)
    if (name == coefficient.name) return value;
  return coefficient.start;
}

// A rate starts at the fastest that was seen, so that any machine's are found.
double fastest_rate(const KernelFitRequest& request) {
  double fastest = 0;
  for (const KernelSample& sample : request.samples)
    fastest = std::max(fastest, kernel_work(sample).bytes / sample.seconds);
  return fastest;
}

// The same of floating-point operations.
double fastest_speed(const KernelFitRequest& request) {
  double fastest = 0;
  for (const KernelSample& sample : request.samples)
    fastest = std::max(fastest, kernel_work(sample).flops / sample.seconds);
  return fastest;
}

double shortest_time(const KernelFitRequest& request) {
  double shortest = request.samples.front().seconds;
  for (const KernelSample& sample : request.samples) shortest = std::min(shortest, sample.seconds);
  return shortest;
}

// Half of what a time of a sum can be at most: no call is shorter than its part.
double half_of_bound(const KernelFitRequest& request, std::size_t coefficient) {
  std::vector<double> values(request.model.coefficients.size(), 0);
  values[coefficient] = 1;
  double bound = 1;
  for (std::size_t row = 0; row < request.samples.size(); ++row)
    if (const double part = seconds_of(request, values, row); part > 0)
      bound = std::min(bound, request.samples[row].seconds / part);
  return std::max(1e-18, 0.5 * bound);
}

Prior prior_of(const KernelFitRequest& request, std::size_t index) {
  const Coefficient& coefficient = request.model.coefficients[index];
  Prior prior{.typical = coefficient.start,
              .lowest = coefficient.lowest,
              .highest = coefficient.highest,
              .weight = kWeight};
  const std::string_view name = coefficient.name;
  if (name == "rate" || name == "speed") {
    prior.typical = std::max(1.0, name == "rate" ? fastest_rate(request) : fastest_speed(request));
    prior.lowest = prior.typical / 100;
    prior.highest = prior.typical * 10;
  } else if (request.model.additive && coefficient.type == ParameterType::kTime) {
    prior.typical = half_of_bound(request, index);
    prior.highest = 4 * prior.typical;
  } else if (name == "base") {
    // The whole of the shortest call is at most twice its start-up.
    prior.typical = std::clamp(0.5 * shortest_time(request), 1e-9, 1.0);
    prior.highest = 4 * prior.typical;
  }
  return prior;
}

// Bytes tell a rate and operations a speed, and only they do.
bool is_fitted(const KernelFitRequest& request, const Coefficient& coefficient) {
  const std::string_view name = coefficient.name;
  if (name == "rate" && fastest_rate(request) <= 0) return false;
  if (name == "speed" && fastest_speed(request) <= 0) return false;
  return coefficient.fitted();
}

// Of the fitted coefficients, in their order.
std::vector<Prior> priors_of(const KernelFitRequest& request) {
  std::vector<Prior> priors;
  for (std::size_t i = 0; i < request.model.coefficients.size(); ++i)
    if (is_fitted(request, request.model.coefficients[i])) priors.push_back(prior_of(request, i));
  return priors;
}

// Which coefficients are fitted, and the values of the others.
struct Unknowns {
  std::vector<bool> fitted;
  std::vector<double> values;

  explicit Unknowns(const KernelFitRequest& request) {
    for (const Coefficient& coefficient : request.model.coefficients) {
      fitted.push_back(is_fitted(request, coefficient));
      values.push_back(coefficient.fitted() ? 0 : given_value(request, coefficient));
    }
  }
  std::vector<double> all(std::span<const double> found) const {
    std::vector<double> all = values;
    std::size_t next = 0;
    for (std::size_t i = 0; i < all.size(); ++i)
      if (fitted[i]) all[i] = found[next++];
    return all;
  }
};

std::vector<double> fit_rows(const KernelFitRequest& request, const Rows& rows) {
  Rows kept;
  const std::size_t step = (rows.size() + kEnough - 1) / kEnough;
  for (std::size_t i = 0; i < rows.size(); i += step) kept.push_back(rows[i]);
  std::vector<double> measured;
  for (const std::size_t row : kept) measured.push_back(request.samples[row].seconds);
  const Unknowns unknowns(request);
  const std::vector<double> found = fit_with_priors(
      priors_of(request), measured,
      [&](std::span<const double> values, std::size_t index) {
        return seconds_of(request, unknowns.all(values), kept[index]);
      },
      kept.size() > 500 ? 1e-6 : kTolerance);
  return unknowns.all(found);
}

// The fold of each sample, [samples]: whole shapes, or single samples of one shape.
std::vector<int> folds_of(const KernelFitRequest& request, int& folds) {
  std::map<std::string, int> shapes;
  for (const KernelSample& sample : request.samples) shapes.emplace(sample.shape, 0);
  const bool by_shape = shapes.size() > 1;
  folds = std::min(folds, static_cast<int>(by_shape ? shapes.size() : request.samples.size()));
  int next = 0;
  for (auto& [shape, fold] : shapes) fold = next++ % folds;
  std::vector<int> fold;
  for (std::size_t i = 0; i < request.samples.size(); ++i)
    fold.push_back(by_shape ? shapes[request.samples[i].shape] : static_cast<int>(i) % folds);
  return fold;
}

std::vector<Regime> regimes_of(std::span<const KernelSample> samples,
                               std::span<const double> errors) {
  std::vector<std::string> names;
  for (const KernelSample& sample : samples)
    for (const std::string& regime : sample.regimes)
      if (std::find(names.begin(), names.end(), regime) == names.end()) names.push_back(regime);
  std::vector<Regime> regimes;
  for (const std::string& name : names) {
    std::vector<double> chosen;
    for (std::size_t i = 0; i < samples.size(); ++i)
      if (std::count(samples[i].regimes.begin(), samples[i].regimes.end(), name) > 0)
        chosen.push_back(errors[i]);
    regimes.push_back({name, summarize(std::move(chosen))});
  }
  return regimes;
}

double error_of(const KernelFitRequest& request, std::span<const double> values, std::size_t row) {
  return seconds_of(request, values, row) / request.samples[row].seconds - 1;
}

}  // namespace

KernelWork kernel_work(const KernelSample& sample) {
  if (const auto* plain = std::get_if<PlainWork>(&sample.work))
    return {.tokens = plain->tokens, .bytes = plain->bytes};
  if (const auto* gemm = std::get_if<GemmWork>(&sample.work)) return kernel_work(*gemm);
  if (const auto* gate = std::get_if<GateWork>(&sample.work)) return kernel_work(*gate);
  return kernel_work(std::get<AttentionWork>(sample.work));
}

KernelFit fit_kernel(const KernelFitRequest& request) {
  MOESIM_CHECK(!request.samples.empty(), "a fit has measurements");
  KernelFit fit{.model = &request.model, .folds = request.folds};
  Rows all(request.samples.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  for (const double value : fit_rows(request, all)) fit.values.push_back(four_digits(value));
  for (const std::size_t row : all) fit.errors.push_back(error_of(request, fit.values, row));
  for (const KernelSample& sample : request.samples) fit.measured.push_back(sample.seconds);
  fit.fitted = summarize(fit.errors);
  fit.fitted_regimes = regimes_of(request.samples, fit.errors);
  const std::vector<int> fold = folds_of(request, fit.folds);
  if (fit.folds < 2) return fit;
  std::vector<double> held_out(all.size());
  for (int left_out = 0; left_out < fit.folds; ++left_out) {
    Rows kept;
    for (const std::size_t row : all)
      if (fold[row] != left_out) kept.push_back(row);
    const std::vector<double> without = fit_rows(request, kept);
    for (const std::size_t row : all)
      if (fold[row] == left_out) held_out[row] = error_of(request, without, row);
  }
  fit.held_out = summarize(held_out);
  fit.held_out_regimes = regimes_of(request.samples, held_out);
  return fit;
}

std::vector<AxisRange> ranges_of(std::span<const KernelSample> samples,
                                 const std::vector<std::string>& axes) {
  std::vector<AxisRange> ranges;
  for (const std::string& axis : axes) {
    std::optional<AxisRange> range;
    for (const KernelSample& sample : samples) {
      const std::optional<double> at = axis_value(axis, kernel_work(sample));
      if (!at) continue;
      if (!range) range = {axis, *at, *at};
      range->low = std::min(range->low, *at);
      range->high = std::max(range->high, *at);
    }
    if (range) ranges.push_back(*range);
  }
  return ranges;
}

}  // namespace moesim
