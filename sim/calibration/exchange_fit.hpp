// Fits the coefficients of exchange libraries to measurements.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "sim/calibration/exchange_table.hpp"
#include "sim/calibration/fit.hpp"

namespace moesim {

struct ExchangeFit {
  std::string library, phase;
  bool crosses_nodes = false;
  ExchangeCost cost;
  ErrorSummary fitted;  // on the rows fitted to
  ErrorSummary tokens;  // on whole token counts, a third of them left out in turn; rows 0: none
  ErrorSummary shapes;  // on whole shapes (hidden, top-k, experts), each left out in turn
  std::vector<double> errors;  // of each sample that was fitted to, in their order; 0.05 = +5 %
  std::vector<std::size_t> fitted_samples;  // index of each into the samples given
};

// One fit for each (library, phase, scope) of the samples. Over NICs, those of other systems than
// `system` serve where it has no rows of its own. Least squares of the logarithm of predicted over
// measured time with a soft-L1 loss (Ceres). A weak prior holds what few rows cannot tell at what
// Hopper GPUs were measured with, so that three rows of a user's own network are enough to start
// from. Efficiencies are relative to the ports of each sample's own system; `rates` are those of
// `system`. Deterministic.
std::vector<ExchangeFit> fit_exchanges(std::span<const ExchangeSample> samples,
                                       const std::string& system, const PortRates& rates);

}  // namespace moesim
