// Fits the coefficients of a form to measured calls of one kernel, and says how well they hold on
// shapes that the fit has not seen.
#pragma once

#include <span>
#include <string>
#include <variant>
#include <vector>

#include "sim/calibration/coefficient_form.hpp"
#include "sim/calibration/fit.hpp"

namespace moesim {

// A call whose time follows from counts alone: a pass over memory, a copy, a pack, launches.
struct PlainWork {
  double tokens = 0;  // rows, or launches
  double bytes = 0;
};

struct KernelSample {
  std::variant<GemmWork, AttentionWork, GateWork, PlainWork> work;
  double seconds = 0;                // measured
  std::string shape;                 // whole ones are held out
  std::vector<std::string> regimes;  // that its error counts in
};

// What a form looks at; it points into the sample.
KernelWork kernel_work(const KernelSample& sample);

struct KernelFit {
  const FormModel* model = nullptr;
  std::vector<double> values;  // as they are written to a file: four digits
  ErrorSummary fitted;         // on the rows it was fitted to
  ErrorSummary held_out;       // on whole shapes that were left out in turn
  std::vector<Regime> fitted_regimes, held_out_regimes;
  std::vector<double> errors;    // of each sample, 0.05 = +5 %
  std::vector<double> measured;  // seconds of each sample
  int folds = 0;
};

struct KernelFitRequest {
  const FormModel& model;
  std::span<const KernelSample> samples;
  const GpuSpec& gpu;
  int folds = 5;
  std::vector<std::pair<std::string, double>> given = {};  // coefficients that are not fitted
};

// Least squares of the logarithm of predicted over measured time (prior_fit.hpp); many samples are
// thinned to a few thousand, evenly. With one shape only, single samples are held out.
// Deterministic. Needs at least one sample; every time is above 0.
KernelFit fit_kernel(const KernelFitRequest& request);

// The smallest range of each named axis that holds all samples (axis_value); axes that no sample
// has are left out.
std::vector<AxisRange> ranges_of(std::span<const KernelSample> samples,
                                 const std::vector<std::string>& axes);

}  // namespace moesim
