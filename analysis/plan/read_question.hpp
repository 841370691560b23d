// Reads the question of a plan: a YAML file, checked in one go.
#pragma once

#include "analysis/plan/question.hpp"
#include "sim/base/parameter.hpp"

namespace moesim {

inline constexpr const char* kPlanQuestionSchema = "moesim.question/1";

// The declared keys, section by section, as scenario_sections().
const std::vector<std::pair<std::string, std::vector<Parameter>>>& question_sections();

// Throws InputError with all mistakes of the file; `overrides` are --set's.
PlanQuestion read_question(const std::string& path, const std::vector<std::string>& overrides);
// The same from a tree.
PlanQuestion read_question(const YamlNode& root, const std::string& name);

// What only reading the scenarios shows: sections with mistakes of their own, policies that none of
// the clusters can run. Throws InputError.
void check_scenarios(const PlanQuestion& question);

}  // namespace moesim
