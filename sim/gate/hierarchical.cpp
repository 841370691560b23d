// Two levels: the two best groups of experts, then the two best experts in each (Mesh-TensorFlow's
// MoE2D, Tensor2Tensor; policies.md 1.12).
//
// One router makes both levels here: a group's share is the softmax summed over its experts.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sim/gate/logit_gate.hpp"
#include "sim/gate/two_level.hpp"

namespace moesim {
namespace {

class Hierarchical final : public LogitGate {
 public:
  explicit Hierarchical(const Arguments& arguments)
      : LogitGate(arguments),
        groups_(arguments.integer("groups")),
        factor_(arguments.number("group_capacity_factor")) {}

 private:
  Gating choose(const GateInput& input, std::vector<float>&) const override {
    const MoeModel& model = input.request.model;
    if (model.experts % groups_ != 0 || model.experts / groups_ < 2)
      throw InputError(spot(), fmt::format("{} groups do not divide the {} experts of {} into "
                                           "groups of two or more",
                                           groups_, model.experts, model.name));
    const double room = factor_ * input.logits.tokens() / groups_;
    return two_level_top2(
        input.logits,
        {.groups = groups_,
         .group_capacity = factor_ > 0 ? std::max(1, static_cast<int>(std::lround(room))) : 0});
  }

  int groups_ = 2;
  double factor_ = 0;
};

const Register<Gate, Hierarchical> kHierarchical{
    {.name = "hierarchical",
     .summary = "two groups of experts, then two experts in each",
     .source = "Mesh-TensorFlow, Tensor2Tensor; policies.md 1.12",
     .parameters = with_common(
         {{.name = "groups",
           .type = ParameterType::kInteger,
           .doc = "equal groups of neighbouring experts",
           .fallback = "2",
           .minimum = 2},
          {.name = "group_capacity_factor",
           .type = ParameterType::kNumber,
           .doc = "a group takes this times tokens / groups, first choices first; 0 = all. The "
                  "experts' own capacity is the capacity section's",
           .fallback = "0",
           .minimum = 0}})}};

}  // namespace
}  // namespace moesim
