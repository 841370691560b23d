// The limit on expert groups, as a scenario has it.
#pragma once

#include "sim/gate/gate.hpp"
#include "sim/gate/top_k.hpp"

namespace moesim {

// groups, groups_per_token, group_score and mask_value; without them the model's groups.
std::vector<Parameter> group_parameters();

class GroupChoice {
 public:
  explicit GroupChoice(const Arguments& arguments);
  // `by_default`: experts that make a group's score where the scenario does not say. Throws
  // InputError where the groups do not divide the experts, or the kept ones have too few.
  GroupLimit limit(const MoeModel& model, int by_default) const;

 private:
  Spot spot_;
  int groups_ = 0, kept_ = 0;  // 0 = the model's
  std::string score_;
  bool mask_zero_ = false;
};

}  // namespace moesim
