// Scenarios of a plan: the step of an instance, and the serving that checks the steady state.
#pragma once

#include "analysis/plan/answer.hpp"
#include "sim/model/scenario.hpp"

namespace moesim {

// Sections that a plan sets itself, and that policies and common sections may not have.
const std::vector<std::string>& planned_sections();

// A small batch of the option, to see whether it can be run at all.
StepQuery trial_query(const PlanQuestion& question, const PlanOption& option);

// The scenario of a query. Throws InputError where it cannot be run.
Scenario step_scenario(const PlanQuestion& question, const StepQuery& query);

// Times `trace.KEY` of the scenario's trace is the skew; none: the trace has no such key.
std::optional<std::string> skew_key(const Scenario& scenario);

// Requests that arrive at random on the whole deployment, prefill and decode in pools of their own.
// A tree to be written to a file, and to be read as a scenario.
YamlNode serving_tree(const PlanQuestion& question, const std::vector<Candidate>& candidates,
                      const Deployment& deployment);

}  // namespace moesim
