// plan.json (schema "moesim.plan/1"): numbers in SI units, keys that say the unit.
#pragma once

#include "analysis/json.hpp"
#include "analysis/plan/answer.hpp"

namespace moesim {

inline constexpr const char* kPlanSchema = "moesim.plan/1";

Json plan_document(const PlanQuestion& question, const PlanAnswer& answer);

// candidates.csv: one line for each option, simulated or left out.
std::string candidates_csv(const PlanQuestion& question, const PlanAnswer& answer);

}  // namespace moesim
