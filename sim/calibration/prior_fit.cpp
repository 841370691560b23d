#include "sim/calibration/prior_fit.hpp"

#include <ceres/ceres.h>

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

constexpr double kLossScale = 0.05;  // errors above 5 % count linearly
constexpr double kHighest = 40;      // of an unknown, in units of its typical value

// Unknowns of the solver are in units of their typical values.
std::vector<double> values_of(std::span<const Prior> priors, const double* unknowns) {
  std::vector<double> values(priors.size());
  for (std::size_t i = 0; i < priors.size(); ++i) values[i] = priors[i].typical * unknowns[i];
  return values;
}

struct LogRatio {
  std::span<const Prior> priors;
  const Prediction* prediction;
  std::size_t row;
  double measured;

  bool operator()(double const* const* unknowns, double* residual) const {
    const double predicted = (*prediction)(values_of(priors, unknowns[0]), row);
    residual[0] = std::log(std::max(1e-12 * measured, predicted) / measured);
    return true;
  }
};

struct Distance {
  std::size_t unknown;
  double weight;
  bool operator()(double const* const* unknowns, double* residual) const {
    residual[0] = weight * (unknowns[0][unknown] - 1);
    return true;
  }
};

template <class Functor>
ceres::CostFunction* one_residual(Functor* functor, std::size_t unknowns) {
  auto* function = new ceres::DynamicNumericDiffCostFunction<Functor, ceres::CENTRAL>(functor);
  function->AddParameterBlock(static_cast<int>(unknowns));
  function->SetNumResiduals(1);
  return function;  // the problem owns it, and it the functor
}

void add_prior(ceres::Problem& problem, std::vector<double>& unknowns, const Prior& prior,
               std::size_t index, std::size_t rows) {
  const double weight = prior.weight + prior.weight_of_rows * std::sqrt(static_cast<double>(rows));
  problem.AddResidualBlock(one_residual(new Distance{index, weight}, unknowns.size()), nullptr,
                           unknowns.data());
  problem.SetParameterLowerBound(unknowns.data(), static_cast<int>(index),
                                 prior.lowest / prior.typical);
  problem.SetParameterUpperBound(unknowns.data(), static_cast<int>(index),
                                 prior.highest > 0 ? prior.highest / prior.typical : kHighest);
}

}  // namespace

std::vector<double> fit_with_priors(std::span<const Prior> priors, std::span<const double> measured,
                                    const Prediction& prediction, double tolerance) {
  std::vector<double> unknowns(priors.size(), 1);
  ceres::Problem problem;
  problem.AddParameterBlock(unknowns.data(), static_cast<int>(unknowns.size()));
  auto* loss = new ceres::SoftLOneLoss(kLossScale);  // the problem owns it
  for (std::size_t row = 0; row < measured.size(); ++row)
    problem.AddResidualBlock(
        one_residual(new LogRatio{priors, &prediction, row, measured[row]}, unknowns.size()), loss,
        unknowns.data());
  for (std::size_t i = 0; i < priors.size(); ++i)
    add_prior(problem, unknowns, priors[i], i, measured.size());
  ceres::Solver::Options options;
  options.linear_solver_type = ceres::DENSE_QR;
  options.num_threads = 1;
  options.max_num_iterations = 200;
  options.function_tolerance = tolerance;
  options.logging_type = ceres::SILENT;
  ceres::Solver::Summary summary;
  ceres::Solve(options, &problem, &summary);
  return values_of(priors, unknowns.data());
}

}  // namespace moesim
