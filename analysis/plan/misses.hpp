// What keeps a cluster from meeting the targets, and what would mend it.
#pragma once

#include "analysis/plan/answer.hpp"

namespace moesim {

// Of a cluster without a deployment: what its nearest option lacks.
Miss miss_of(const PlanQuestion& question, const std::vector<Candidate>& candidates,
             std::size_t cluster);

}  // namespace moesim
