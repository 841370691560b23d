// Fits the coefficients of `pnorm_experts` to measured rows, and says how well they hold on rows
// that the fit has not seen.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sim/calibration/moe_table.hpp"
#include "sim/calibration/pnorm_experts.hpp"
#include "sim/model/cluster.hpp"

namespace moesim {

// A measured row. Where its load was drawn, everything is a mean over the draws.
struct PnormSample {
  PnormShape shape;
  std::vector<std::pair<double, double>>
      rows;            // rows of an expert, expected number of such experts
  double seconds = 0;  // measured
  int tokens = 0;
  std::string distribution;
  std::string model_shape;  // hidden × width, top-k, experts: what whole folds are made of
};

PnormSample pnorm_sample(const MoeRow& row, const std::vector<std::vector<int>>& draws,
                         const GpuSpec& gpu);
// The same from any work; its `tokens` are not looked at.
PnormSample pnorm_sample(const ExpertWork& work, const std::vector<std::vector<int>>& draws,
                         const GpuSpec& gpu, Seconds measured, std::string distribution,
                         std::string model_shape);

double pnorm_seconds(const PnormCoefficients<double>& coefficients, const PnormSample& sample);

// The highest efficiencies that a fit may find, of datasheet rates unless said.
struct PnormLimits {
  double compute = 0.9, memory = 0.97;
};

// Least squares of the logarithm of predicted over measured time, with a soft-L1 loss that keeps
// rows of failed autotuning from pulling, coefficients within physical bounds; Levenberg-Marquardt
// (Ceres). What only skewed loads can tell is held more firmly at what is typical than the rest.
// Deterministic. `start` may be the coefficients of a similar fit.
PnormCoefficients<double> fit_pnorm(std::span<const PnormSample> samples,
                                    const PnormCoefficients<double>& start, int iterations,
                                    const PnormLimits& limits = {});
// A start from which every table at hand converges.
PnormCoefficients<double> pnorm_start();

// How predictions compare with measurements; ratios, 0.05 = 5 %.
struct ErrorSummary {
  int rows = 0;
  double mape = 0;  // mean of |predicted / measured − 1|
  double median = 0;
  double p90 = 0;   // its 90th percentile
  double bias = 0;  // mean of predicted / measured − 1
};
ErrorSummary summarize(std::vector<double> relative_errors);

struct Regime {
  std::string name;
  ErrorSummary error;
};

// Regimes of a set of rows: each distribution, then ranges of tokens. `errors` as relative errors,
// one per sample.
std::vector<Regime> regimes_of(std::span<const PnormSample> samples,
                               std::span<const double> errors);

struct PnormFit {
  PnormCoefficients<double> coefficients{};  // as they are written to a file: four digits
  ErrorSummary fitted;                       // on the rows it was fitted to
  ErrorSummary held_out;                     // on whole model shapes that were left out in turn
  ErrorSummary skew_held_out;                // on whole distributions, left out in turn
  std::vector<Regime> fitted_regimes, held_out_regimes, skew_regimes;
  std::vector<double> errors;    // of each sample, 0.05 = +5 %
  std::vector<double> measured;  // seconds of each sample
  int folds = 0;
};

// The fit on all rows, up to `folds` fits that leave whole shapes out, and where there are several
// distributions one fit without each. With one shape only the
// folds leave token counts out.
PnormFit fit_with_folds(const std::vector<PnormSample>& samples, int folds,
                        const PnormLimits& limits = {});

}  // namespace moesim
