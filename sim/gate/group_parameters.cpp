#include "sim/gate/group_parameters.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {

std::vector<Parameter> group_parameters() {
  return {{.name = "groups",
           .type = ParameterType::kInteger,
           .doc = "equal groups of neighbouring experts; default: the model's",
           .minimum = 1},
          {.name = "groups_per_token",
           .type = ParameterType::kInteger,
           .doc = "groups that a token may use; default: the model's",
           .minimum = 1},
          {.name = "group_score",
           .type = ParameterType::kChoice,
           .doc = "a group's score: its largest, the sum of its two largest, or of its k / "
                  "groups_per_token largest (Megatron); auto: as the gate is defined",
           .fallback = "auto",
           .choices = {"auto", "max", "sum_top2", "sum_top_share"}},
          {.name = "mask_value",
           .type = ParameterType::kChoice,
           .doc = "score of an expert outside the kept groups; zero, as in Hugging Face's code, "
                  "wins over negative scores",
           .fallback = "minus_infinity",
           .choices = {"minus_infinity", "zero"}}};
}

GroupChoice::GroupChoice(const Arguments& arguments)
    : spot_(arguments.section()),
      groups_(arguments.has("groups") ? arguments.integer("groups") : 0),
      kept_(arguments.has("groups_per_token") ? arguments.integer("groups_per_token") : 0),
      score_(arguments.text("group_score")),
      mask_zero_(arguments.text("mask_value") == "zero") {
  if (groups_ > 0 && kept_ == 0) kept_ = groups_;
}

GroupLimit GroupChoice::limit(const MoeModel& model, int by_default) const {
  GroupLimit limit{.groups = groups_ > 0 ? groups_ : model.groups,
                   .kept = kept_ > 0 ? kept_ : model.groups_per_token};
  if (model.experts % limit.groups != 0)
    throw InputError(spot_, fmt::format("{} groups do not divide the {} experts of {}",
                                        limit.groups, model.experts, model.name));
  if (limit.kept > limit.groups)
    throw InputError(spot_,
                     fmt::format("a token cannot use {} of {} groups", limit.kept, limit.groups));
  if (limit.kept * (model.experts / limit.groups) < model.top_k)
    throw InputError(spot_, fmt::format("{} groups of {} experts are too few for the {} of a token",
                                        limit.kept, model.experts / limit.groups, model.top_k));
  limit.best = score_ == "max"             ? 1
               : score_ == "sum_top2"      ? 2
               : score_ == "sum_top_share" ? std::max(1, model.top_k / limit.kept)
                                           : by_default;
  if (mask_zero_) limit.masked = 0;
  return limit;
}

}  // namespace moesim
