// Parts of documents that show metrics of a step.
#pragma once

#include "analysis/json.hpp"
#include "analysis/metrics.hpp"

namespace moesim {

Json breakdown_json(const PhaseSeconds& breakdown);
// Of the phases that communicated; `any`: at least one of them.
Json communication_json(const CommunicationRecord& communication);
Json imbalance_json(const ImbalanceRecord& imbalance);

}  // namespace moesim
