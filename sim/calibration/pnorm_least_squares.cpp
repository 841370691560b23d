// Least squares of `pnorm_experts` by Ceres, with derivatives of its own: a fit looks at millions
// of experts, and only seven coefficients act inside the sum over them. All others are linear.
#include <ceres/ceres.h>

#include <algorithm>
#include <cmath>

#include "sim/base/check.hpp"
#include "sim/calibration/fit.hpp"

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

// Those that act inside the sum over experts.
constexpr std::size_t kFirstInside = static_cast<std::size_t>(Pnorm::kComputeEfficiency);
constexpr int kInside = 7;
static_assert(kFirstInside + kInside == static_cast<std::size_t>(Pnorm::kRouteHidden));
using InsideJet = ceres::Jet<double, kInside>;

// Seconds per unit of each coefficient, of the part that is linear in them.
PnormCoefficients<double> overhead_slopes(const PnormShape& shape) {
  PnormCoefficients<double> slopes{};
  for (std::size_t i = 0; i < kPnormCount; ++i) {
    PnormCoefficients<double> one{};
    one[i] = 1;
    slopes[i] = pnorm_overhead(one, shape);
  }
  return slopes;
}

// The logarithm of predicted over measured time; unknowns are coefficients / start.
class LogRatio : public ceres::SizedCostFunction<1, kPnormCount> {
 public:
  explicit LogRatio(const PnormSample& sample)
      : sample_(sample), slopes_(overhead_slopes(sample.shape)) {}

  bool Evaluate(double const* const* unknowns, double* residual, double** jacobian) const final {
    PnormCoefficients<double> coefficients;
    double overhead = 0;
    for (std::size_t i = 0; i < kPnormCount; ++i) {
      coefficients[i] = unknowns[0][i] * kBounds[i].start;
      overhead += slopes_[i] * coefficients[i];
    }
    if (jacobian == nullptr || jacobian[0] == nullptr) {
      residual[0] = std::log((overhead + experts(coefficients)) / sample_.seconds);
      return true;
    }
    PnormCoefficients<InsideJet> jets;
    for (std::size_t i = 0; i < kPnormCount; ++i) jets[i] = InsideJet(coefficients[i]);
    for (int i = 0; i < kInside; ++i) jets[kFirstInside + i].v[i] = 1;
    const InsideJet inside = experts(jets);
    const double seconds = overhead + inside.a;
    residual[0] = std::log(seconds / sample_.seconds);
    for (std::size_t i = 0; i < kPnormCount; ++i) {
      const bool in_sum = i >= kFirstInside && i < kFirstInside + kInside;
      const double slope = in_sum ? inside.v[static_cast<int>(i - kFirstInside)] : slopes_[i];
      jacobian[0][i] = slope * kBounds[i].start / seconds;
    }
    return true;
  }

 private:
  template <class T>
  T experts(const PnormCoefficients<T>& coefficients) const {
    T sum(0.0);
    for (const auto& [rows, count] : sample_.rows) {
      const PnormParts<T> parts = pnorm_expert(coefficients, sample_.shape, rows);
      sum += (parts.compute + parts.memory) * count;
    }
    return sum;
  }

  const PnormSample& sample_;
  PnormCoefficients<double> slopes_;
};

// Holds coefficients near where a fit starts. That decides what the measurements leave open: even
// loads say nothing of how hot experts read their weights again, so there what is typical stands
// unless another value makes the root of the mean square error 1.1 % smaller.
struct Distance {
  double samples;

  template <class T>
  bool operator()(const T* const unknowns, T* residual) const {
    constexpr double kWeight = 0.003;  // of being off by all of it
    constexpr double kWeightOfHotExperts = 0.011;
    for (std::size_t i = 0; i < kPnormCount; ++i) {
      const Pnorm which = Pnorm(i);
      const bool of_hot_experts =
          which == Pnorm::kReread || which == Pnorm::kTileBase || which == Pnorm::kTileSlope;
      residual[i] = (of_hot_experts ? kWeightOfHotExperts * std::sqrt(samples) : kWeight) *
                    (unknowns[i] - 1.0);
    }
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

}  // namespace

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
    problem.AddResidualBlock(new LogRatio(sample), loss, unknowns.data());
  problem.AddResidualBlock(new ceres::AutoDiffCostFunction<Distance, kPnormCount, kPnormCount>(
                               new Distance{static_cast<double>(samples.size())}),
                           nullptr, unknowns.data());
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

}  // namespace moesim
