#include "analysis/uncertainty.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/format.hpp"

namespace moesim {
namespace {

bool names(const std::string& kernel, std::string_view word) {
  return kernel.find(word) != std::string::npos;
}

// Whether a phase runs the kernel. Exchange entries are named after library and direction
// ("deepep_normal dispatch"); one without a direction speaks for both.
bool runs(Phase phase, const std::string& kernel) {
  const bool exchange = !names(kernel, "experts") && !names(kernel, "gemm") &&
                        !names(kernel, "attention") && !names(kernel, "memory") &&
                        !names(kernel, "gate");
  switch (phase) {
    case Phase::kAttention:
      return names(kernel, "attention") || names(kernel, "gemm");
    case Phase::kGate:
      return names(kernel, "gemm") || names(kernel, "gate");
    case Phase::kExperts:
      return names(kernel, "experts");
    case Phase::kShared:
    case Phase::kDense:
      return names(kernel, "gemm");
    case Phase::kCollective:
    case Phase::kGradient:
      return names(kernel, "all_reduce") || names(kernel, "all_gather") ||
             names(kernel, "reduce_scatter");
    case Phase::kOptimizer:
      return names(kernel, "memory");
    case Phase::kDispatch:
      return exchange && !names(kernel, "combine");
    case Phase::kCombine:
      return exchange && !names(kernel, "dispatch");
    default:
      return false;
  }
}

double error_of(const HeldOutError& entry) {
  return entry.measured || entry.mape > 0 ? entry.mape : kUnmeasuredError;
}

struct PhaseError {
  double ratio = -1;  // none of the kernels speaks for the phase
  std::string unmeasured;
};

PhaseError worst_error(Phase phase, const std::vector<HeldOutError>& entries) {
  PhaseError worst;
  for (const HeldOutError& entry : entries) {
    if (!runs(phase, entry.kernel)) continue;
    worst.ratio = std::max(worst.ratio, error_of(entry));
    if (!entry.measured) worst.unmeasured = entry.kernel;
  }
  if (worst.ratio < 0) return {.ratio = kUnmeasuredError, .unmeasured = to_string(phase)};
  return worst;
}

}  // namespace

std::string Uncertainty::warning() const {
  constexpr double kWorthSaying = 0.01;
  if (unmeasured_share < kWorthSaying) return {};
  return fmt::format(
      "{} of the step rests on costs whose error nobody measured ({}), taken as ± {:.0f} %",
      format_percent(unmeasured_share), unmeasured, kUnmeasuredError * 100);
}

std::optional<Uncertainty> estimate_uncertainty(const RunResult& result, const Metrics& metrics) {
  double busy = 0;
  for (int phase = 0; phase < kPhases; ++phase)
    if (Phase(phase) != Phase::kWait) busy += metrics.breakdown[static_cast<std::size_t>(phase)];
  if (result.errors.empty() || !(busy > 0)) return std::nullopt;
  Uncertainty uncertainty;
  for (int phase = 0; phase < kPhases; ++phase) {
    const double share = metrics.breakdown[static_cast<std::size_t>(phase)] / busy;
    // Migration, offload and transfers between stages or pools are bytes on the wire, launches a
    // time that the scenario says; no kernel's error is in them.
    const bool given = Phase(phase) == Phase::kMigration || Phase(phase) == Phase::kOffload ||
                       Phase(phase) == Phase::kPipeline || Phase(phase) == Phase::kKv ||
                       Phase(phase) == Phase::kLaunch;
    if (Phase(phase) == Phase::kWait || given || share <= 0) continue;
    const PhaseError error = worst_error(Phase(phase), result.errors);
    uncertainty.step_error += share * error.ratio;
    if (error.unmeasured.empty()) continue;
    uncertainty.unmeasured_share += share;
    if (!names(uncertainty.unmeasured, error.unmeasured))
      uncertainty.unmeasured += (uncertainty.unmeasured.empty() ? "" : ", ") + error.unmeasured;
  }
  return uncertainty;
}

}  // namespace moesim
