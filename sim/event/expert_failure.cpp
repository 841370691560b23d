// Expert dropout or failure (policies.md 1.15): some experts may not be asked for, for a while.
#include <fmt/format.h>

#include "sim/event/event.hpp"

namespace moesim {
namespace {

class ExpertFailure final : public Event {
 public:
  explicit ExpertFailure(const Arguments& arguments) : arguments_(arguments) {}

  StepRange steps() const override { return read_interval(arguments_); }
  std::string text() const override {
    std::string text = shown_ids("expert", arguments_.numbers("expert"));
    if (arguments_.has("layer")) text += " of " + shown_ids("layer", arguments_.numbers("layer"));
    return text + " not asked for";
  }

  void fit(const Scenario& scenario, Mistakes& mistakes) const override {
    check_interval(arguments_, mistakes);
    const MoeModel& model = scenario.model;
    const auto experts = read_ids(arguments_, "expert", model.experts, "expert", mistakes);
    if (arguments_.has("layer"))
      read_ids(arguments_, "layer", model.moe_layer_count(), "MoE layer", mistakes);
    if (model.experts - static_cast<int>(experts.size()) < model.top_k)
      mistakes.add(arguments_.spot("expert"),
                   fmt::format("{} of {} experts are left, but a token asks for {}",
                               model.experts - static_cast<int>(experts.size()), model.experts,
                               model.top_k));
  }

  // Next best experts are known by the logits only.
  RoutingDetail needs() const override {
    return arguments_.text("routes") == "next_best" ? RoutingDetail::kLogits
                                                    : RoutingDetail::kCounts;
  }

  void apply(const EventMoment& moment, Conditions& conditions) const override {
    if (!steps().contains(moment.step)) return;
    const MoeModel& model = moment.scenario.model;
    ensure_masks(conditions, model.moe_layer_count(), model.experts);
    const Mask mask = arguments_.text("routes") == "drop" ? Mask::kDrop : Mask::kRedraw;
    const auto fail = [&](LayerId layer) {
      for (const double expert : arguments_.numbers("expert"))
        conditions.masks(layer, ExpertId(static_cast<int>(expert))) = mask;
    };
    if (!arguments_.has("layer"))
      for (const LayerId layer : conditions.masks.row_ids()) fail(layer);
    else
      for (const double layer : arguments_.numbers("layer")) fail(LayerId(static_cast<int>(layer)));
  }

 private:
  Arguments arguments_;
};

const Register<Event, ExpertFailure> kExpertFailure{
    {.name = "expert_failure",
     .summary = "experts that no token may ask for",
     .source = "policies.md 1.15",
     .parameters = with_interval(
         {{.name = "expert",
           .type = ParameterType::kNumbers,
           .doc = "number of the expert, or a list",
           .required = true},
          {.name = "layer",
           .type = ParameterType::kNumbers,
           .doc = "MoE layers, from 0, in which it fails; default: all"},
          {.name = "routes",
           .type = ParameterType::kChoice,
           .doc = "redraw: their routes go to the token's next best expert where logits are drawn "
                  "anyway, else to one drawn by the routes of the others; next_best: always to the "
                  "next best (the trace must have logits); drop: they are lost",
           .fallback = "redraw",
           .choices = {"redraw", "next_best", "drop"}}})}};

}  // namespace
}  // namespace moesim
