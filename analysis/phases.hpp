// The phases of a step in the order in which results show them (DESIGN §7).
#pragma once

#include <array>

#include "sim/model/run_result.hpp"

namespace moesim {

inline constexpr std::array<Phase, kPhases> kReportedPhases = {
    Phase::kAttention, Phase::kGate,  Phase::kDispatch, Phase::kExperts,  Phase::kCombine,
    Phase::kShared,    Phase::kDense, Phase::kWait,     Phase::kMigration};

inline double seconds_of(const PhaseSeconds& breakdown, Phase phase) {
  return breakdown[static_cast<std::size_t>(phase)];
}

}  // namespace moesim
