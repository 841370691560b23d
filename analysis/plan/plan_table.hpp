// A plan as a person reads it on a terminal: at most 100 columns.
#pragma once

#include <string>

#include "analysis/plan/answer.hpp"

namespace moesim {

std::string plan_table(const PlanQuestion& question, const PlanAnswer& answer, bool colour);

}  // namespace moesim
