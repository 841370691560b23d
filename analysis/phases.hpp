// The phases of a step in the order in which results show them (DESIGN §7).
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "sim/model/run_result.hpp"

namespace moesim {

// Every run has these, if only for no time.
inline constexpr std::array kUsualPhases = {Phase::kAttention, Phase::kGate,    Phase::kDispatch,
                                            Phase::kExperts,   Phase::kCombine, Phase::kShared,
                                            Phase::kDense,     Phase::kWait,    Phase::kMigration};
// Only runs that spend time in them.
inline constexpr std::array kFurtherPhases = {
    Phase::kCollective, Phase::kOffload,   Phase::kLaunch, Phase::kPipeline,
    Phase::kGradient,   Phase::kOptimizer, Phase::kKv};
static_assert(kUsualPhases.size() + kFurtherPhases.size() == kPhases);

inline double seconds_of(const PhaseSeconds& breakdown, Phase phase) {
  return breakdown[static_cast<std::size_t>(phase)];
}

// The usual phases, and those of the further ones in which any of the breakdowns has time.
inline std::vector<Phase> reported_phases(std::span<const PhaseSeconds> breakdowns) {
  std::vector<Phase> phases(kUsualPhases.begin(), kUsualPhases.end());
  for (const Phase phase : kFurtherPhases)
    if (std::any_of(breakdowns.begin(), breakdowns.end(), [&](const PhaseSeconds& breakdown) {
          return seconds_of(breakdown, phase) > 0;
        }))
      phases.push_back(phase);
  return phases;
}

// Of all steps of a run.
inline std::vector<Phase> reported_phases(const RunResult& result) {
  std::vector<PhaseSeconds> breakdowns;
  for (const StepRecord& step : result.steps) breakdowns.push_back(step.breakdown);
  return reported_phases(breakdowns);
}

}  // namespace moesim
