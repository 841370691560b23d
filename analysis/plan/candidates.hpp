// The options of a question, and which of them come to an operating point.
#pragma once

#include "analysis/plan/answer.hpp"
#include "analysis/plan/option_search.hpp"

namespace moesim {

// An arriving prompt finds a step under way, half of which is left on average.
inline constexpr double kStepsToFirstToken = 1.5;

std::vector<PlanOption> options_of(const PlanQuestion& question);

// How long a step may take, as simulated, where all kernels take `slower` times as long.
Seconds step_limit(const PlanQuestion& question, const Candidate& candidate, double slower = 1);

// What is found at a batch, where all kernels take `slower` times as long.
OperatingPoint operating_point(const Candidate& candidate, const SeenBatch& seen,
                               double slower = 1);

// Memory first, then the analytic bound, then the full network for those that it leaves.
std::vector<Candidate> decide_candidates(const PlanQuestion& question, StepSource& source);

}  // namespace moesim
