// Least squares with a weak prior: for forms with more coefficients than a few rows can tell.
#pragma once

#include <functional>
#include <span>
#include <vector>

namespace moesim {

// What an unknown is taken for where no measurement says otherwise.
struct Prior {
  double typical = 1;
  double lowest = 0;
  double highest = 0;         // 0: 40 times the typical value
  double weight = 0.03;       // being off by all of it costs as much as a row that is off by this
  double weight_of_rows = 0;  // the same, times the square root of the rows
};

// Predicts row `row` from the unknowns' values; in the unit of `measured`.
using Prediction = std::function<double(std::span<const double> values, std::size_t row)>;

// The values that minimise the squared logarithm of predicted over measured, with a soft-L1 loss
// that keeps odd rows from pulling, plus the distance from the priors; Levenberg-Marquardt (Ceres).
// `measured` is above 0. It stops where a step improves the sum by less than `tolerance` of it.
// Deterministic.
std::vector<double> fit_with_priors(std::span<const Prior> priors, std::span<const double> measured,
                                    const Prediction& prediction, double tolerance = 1e-6);

}  // namespace moesim
