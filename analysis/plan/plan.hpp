// A capacity plan: the smallest and the cheapest deployment that meets the targets, and how firm
// that is.
//
// Steady state: instances of decode run steps of the largest batch that keeps the time per token,
// instances of prefill those that keep the time to the first token; the two are sized apart. No
// request waits for another: queues are what a serving scenario adds.
#pragma once

#include "analysis/plan/answer.hpp"

namespace moesim {

PlanAnswer make_plan(const PlanQuestion& question, StepSource& source);

}  // namespace moesim
