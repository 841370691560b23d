// How far the times of a run may be off, because the kernels' cost models are.
//
// The rule: each phase of the step is off by the worst held-out error (MAPE) of the kernels it
// runs; the step is off by the phases' errors weighted with their share of the time that is not
// waiting (a wait is somebody else's phase). Errors are added, not squared: kernels of one
// calibration tend to be off in the same direction. A kernel whose error nobody measured
// (a datasheet roofline) counts as ± 40 %, as does a phase that no kernel speaks for: rooflines are
// 27–58 % off on measured fused-MoE rows, coefficients moved to the next generation of GPU up to 40
// % (DESIGN §6).
#pragma once

#include <algorithm>
#include <limits>
#include <optional>
#include <string>

#include "analysis/metrics.hpp"

namespace moesim {

inline constexpr double kUnmeasuredError = 0.40;

struct Band {
  double low = 0, high = 0;
};

struct Uncertainty {
  double step_error = 0;        // relative error of the step time: 0.06 = ± 6 %
  double unmeasured_share = 0;  // of the time that is not waiting
  std::string unmeasured;       // the kernels behind that, "attention, gemm bf16"

  Band time(double value) const {
    return {value * std::max(0.0, 1 - step_error), value * (1 + step_error)};
  }
  // Of what falls as the step gets longer: throughput, MFU. An error of 100 % bounds it below only.
  Band rate(double value) const {
    return {value / (1 + step_error),
            step_error < 1 ? value / (1 - step_error) : std::numeric_limits<double>::infinity()};
  }
  // To be read before trusting the numbers; empty where all that matters was measured.
  std::string warning() const;
};

// Nothing where the run says nothing about its kernels' errors, or took no time.
std::optional<Uncertainty> estimate_uncertainty(const RunResult& result, const Metrics& metrics);

}  // namespace moesim
