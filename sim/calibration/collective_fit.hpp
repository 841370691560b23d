// Fits the coefficients of collectives to measurements.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "sim/calibration/collective_table.hpp"
#include "sim/calibration/fit.hpp"

namespace moesim {

struct CollectiveFit {
  std::string library;
  CollectiveKind kind = CollectiveKind::kAllReduce;
  bool crosses_nodes = false;
  std::vector<CollectiveCost> costs;  // one for each algorithm; the fastest counts
  ErrorSummary fitted;                // on the rows fitted to
  ErrorSummary sizes;          // on whole sizes, a third of them left out in turn; rows 0: none
  ErrorSummary groups;         // on whole numbers of GPUs and nodes, each left out in turn
  std::vector<double> errors;  // of each sample that was fitted to, 0.05 = +5 %
  std::vector<std::size_t> fitted_samples;  // index of each into the samples given
};

// One fit for each (library, kind, scope) of the samples, all-to-alls left out. Over NICs, those of
// other systems than `system` serve where it has no rows of its own. `nvls`: its NVSwitches reduce.
// Rates as in fit_exchanges(). A library other than NCCL falls back to NCCL where that is faster,
// as they do for large buffers.
std::vector<CollectiveFit> fit_collectives(std::span<const CollectiveSample> samples,
                                           const std::string& system, const PortRates& rates,
                                           bool nvls);

}  // namespace moesim
