// A plan as a person reads it on a terminal.
#pragma once

#include <string>

#include "analysis/plan/answer.hpp"
#include "analysis/screen.hpp"

namespace moesim {

std::string plan_table(const PlanQuestion& question, const PlanAnswer& answer,
                       const Screen& screen);

}  // namespace moesim
