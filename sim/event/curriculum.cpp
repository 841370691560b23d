// Curriculum (policies.md 1.15): experts per token, capacity factor, temperature, noise and the
// number of active experts follow a schedule over steps. Before its first step nothing is changed;
// after its last one the last values stay.
#include <fmt/format.h>

#include <cmath>

#include "sim/event/event.hpp"
#include "sim/gate/gate.hpp"

namespace moesim {
namespace {

constexpr const char* kValues[] = {"top_k", "capacity_factor", "temperature", "noise", "experts"};

class Curriculum final : public Event {
 public:
  explicit Curriculum(const Arguments& arguments)
      : arguments_(arguments), at_(arguments.numbers("at")) {}

  StepRange steps() const override {
    return {.first = at_.empty() ? 0 : static_cast<int>(at_.front())};
  }
  std::string text() const override {
    std::string text;
    for (const char* name : kValues)
      if (arguments_.has(name))
        text += fmt::format("{}{} {:g} to {:g}", text.empty() ? "" : ", ", name,
                            arguments_.numbers(name).front(), arguments_.numbers(name).back());
    return text;
  }

  void fit(const Scenario& scenario, Mistakes& mistakes) const override {
    check_lists(mistakes);
    const bool logits = Registry<Gate>::make(scenario.gate)->needs() == RoutingDetail::kLogits;
    for (const char* name : {"temperature", "noise"})
      if (arguments_.has(name) && !logits)
        mistakes.add(arguments_.spot(name),
                     fmt::format("the gate {} does not look at logits", scenario.gate.kind),
                     "a gate such as topk_then_softmax does; the trace must have logits");
    if (arguments_.has("capacity_factor") && scenario.capacity.kind != "factor")
      mistakes.add(arguments_.spot("capacity_factor"), "the capacity has no factor",
                   "say capacity: {kind: factor, factor: 1.25}");
    const int most = logits ? scenario.model.experts : scenario.model.top_k;
    check_counts("top_k", 1, most, logits ? "experts" : "routes of a token in the trace", mistakes);
    check_counts("experts", largest_top_k(scenario.model.top_k), scenario.model.experts,
                 "experts a token, and those of the model", mistakes);
  }

  // Fewer routes of a token: its first ones must be known.
  RoutingDetail needs() const override {
    return arguments_.has("top_k") ? RoutingDetail::kIds : RoutingDetail::kCounts;
  }

  void apply(const EventMoment& moment, Conditions& conditions) const override {
    if (!steps().contains(moment.step)) return;
    const auto value = [&](const char* name) { return value_at(name, moment.step); };
    if (arguments_.has("top_k")) conditions.top_k = static_cast<int>(std::lround(value("top_k")));
    if (arguments_.has("capacity_factor")) conditions.capacity_factor = value("capacity_factor");
    if (arguments_.has("temperature")) conditions.temperature *= value("temperature");
    if (arguments_.has("noise")) conditions.noise = std::hypot(conditions.noise, value("noise"));
    if (!arguments_.has("experts")) return;
    const MoeModel& model = moment.scenario.model;
    ensure_masks(conditions, model.moe_layer_count(), model.experts);
    for (const LayerId layer : conditions.masks.row_ids())
      for (int e = static_cast<int>(std::lround(value("experts"))); e < model.experts; ++e)
        conditions.masks(layer, ExpertId(e)) = Mask::kRedraw;
  }

 private:
  double value_at(const char* name, int step) const {
    const std::vector<double>& values = arguments_.numbers(name);
    std::size_t next = 1;
    while (next < at_.size() && step >= at_[next]) ++next;
    if (next == at_.size() || arguments_.text("way") == "step") return values[next - 1];
    const double way = (step - at_[next - 1]) / (at_[next] - at_[next - 1]);
    return values[next - 1] + way * (values[next] - values[next - 1]);
  }

  void check_lists(Mistakes& mistakes) const {
    for (std::size_t i = 0; i < at_.size(); ++i)
      if (at_[i] != std::floor(at_[i]) || (i > 0 && at_[i] <= at_[i - 1]))
        mistakes.add(arguments_.spot("at"), "at must be whole steps that rise");
    if (at_.empty()) mistakes.add(arguments_.spot("at"), "at names no step");
    bool any = false;
    for (const char* name : kValues) {
      if (!arguments_.has(name)) continue;
      any = true;
      if (arguments_.numbers(name).size() != at_.size())
        mistakes.add(arguments_.spot(name),
                     fmt::format("{} has {} values, but there are {} steps", name,
                                 arguments_.numbers(name).size(), at_.size()));
    }
    if (!any)
      mistakes.add(arguments_.section(), "a curriculum changes nothing",
                   "give values of top_k, capacity_factor, temperature, noise or experts");
  }

  int largest_top_k(int usual) const {
    double most = arguments_.has("top_k") ? 1 : usual;
    if (arguments_.has("top_k"))
      for (const double k : arguments_.numbers("top_k")) most = std::max(most, k);
    return static_cast<int>(most);
  }

  void check_counts(const char* name, int least, int most, const char* what,
                    Mistakes& mistakes) const {
    if (!arguments_.has(name)) return;
    for (const double count : arguments_.numbers(name))
      if (count != std::floor(count) || count < least || count > most)
        mistakes.add(arguments_.spot(name),
                     fmt::format("{} cannot be {:g}: it is a whole number from {} to {}, the {}",
                                 name, count, least, most, what));
  }

  Arguments arguments_;
  std::vector<double> at_;  // steps
};

Parameter values(const char* name, const char* doc, double minimum, bool above) {
  return {.name = name,
          .type = ParameterType::kNumbers,
          .doc = doc,
          .minimum = minimum,
          .above_minimum = above};
}

const Register<Event, Curriculum> kCurriculum{
    {.name = "curriculum",
     .summary = "top-k, capacity factor, temperature, noise and active experts by a schedule",
     .source = "policies.md 1.15",
     .parameters = {
         {.name = "at",
          .type = ParameterType::kNumbers,
          .doc = "steps at which the values are reached",
          .required = true},
         values("top_k", "experts a token asks for, at each step", 1, false),
         values("capacity_factor", "of the capacity, at each step", 0, true),
         values("temperature", "the logits are divided by it, at each step", 0, true),
         values("noise", "deviation of what is added to each logit, at each step", 0, false),
         values("experts", "the first so many are active, at each step", 1, false),
         {.name = "way",
          .type = ParameterType::kChoice,
          .doc = "between two steps: the earlier value, or a straight line (counts are "
                 "rounded)",
          .fallback = "step",
          .choices = {"step", "linear"}}}}};

}  // namespace
}  // namespace moesim
