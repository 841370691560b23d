#include "sim/gate/logit_gate.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/check.hpp"

namespace moesim {

double Schedule::at(int step) const {
  if (step >= steps) return to;
  const double way = static_cast<double>(std::max(0, step)) / steps;
  return exponential ? from * std::pow(to / from, way) : from + (to - from) * way;
}

LogitGate::LogitGate(const Arguments& arguments)
    : spot_(arguments.section()),
      skip_below_(arguments.number("skip_below")),
      skip_ratio_(arguments.number("skip_ratio")),
      sequence_tokens_(arguments.integer("sequence_tokens")) {
  const double start = arguments.number("temperature");
  temperature_ = {
      .from = start,
      .to = arguments.has("temperature_end") ? arguments.number("temperature_end") : start,
      .steps = arguments.integer("anneal_steps"),
      .exponential = arguments.text("anneal") == "exponential"};
}

GateResult LogitGate::apply(Routing recorded, const GateRequest& request) const {
  MOESIM_CHECK(!recorded.logits.empty() || recorded.tokens() == 0,
               "a gate that needs logits gets some");
  std::vector<float> values = recorded.logits;
  const auto temperature = static_cast<float>(temperature_.at(request.step.value));
  if (temperature != 1)
    for (float& value : values) value /= temperature;
  const Logits logits{.values = values, .experts = request.model.experts};
  std::vector<float> state(request.state.begin(), request.state.end());
  const Gating gating =
      skipped(choose({.logits = logits, .routing = recorded, .request = request}, state));
  const auto losses = gate_losses(logits, gating, recorded, request, sequence_tokens_);
  GateResult result = finish_gating(std::move(recorded), gating, request);
  result.record.losses = losses;
  add_losses(logits, gating, result.record);
  result.state = std::move(state);
  return result;
}

// A token's first choice always stays.
Gating LogitGate::skipped(Gating gating) const {
  if (skip_below_ <= 0 && skip_ratio_ <= 0) return gating;
  for (int token = 0; token < gating.tokens(); ++token) {
    const auto ids = gating.ids_of(token);
    const auto weights = gating.weights_of(token);
    for (std::size_t i = 1; i < ids.size(); ++i)
      if (weights[i] < skip_below_ || weights[i] < skip_ratio_ * weights[0]) ids[i] = -1;
  }
  return gating;
}

std::vector<Parameter> with_common(std::vector<Parameter> parameters) {
  const std::vector<Parameter> common = {
      {.name = "temperature",
       .type = ParameterType::kNumber,
       .doc = "the logits are divided by it",
       .fallback = "1",
       .minimum = 0,
       .above_minimum = true},
      {.name = "temperature_end",
       .type = ParameterType::kNumber,
       .doc = "where the temperature goes to; default: it stays",
       .minimum = 0,
       .above_minimum = true},
      {.name = "anneal_steps",
       .type = ParameterType::kInteger,
       .doc = "steps, warm-up included, in which it goes there",
       .fallback = "0",
       .minimum = 0},
      {.name = "anneal",
       .type = ParameterType::kChoice,
       .doc = "how it goes there",
       .fallback = "linear",
       .choices = {"linear", "exponential"}},
      {.name = "skip_below",
       .type = ParameterType::kNumber,
       .doc = "routes after the first with a smaller weight are skipped",
       .fallback = "0",
       .minimum = 0},
      {.name = "skip_ratio",
       .type = ParameterType::kNumber,
       .doc = "routes with less than this share of the token's first weight are skipped",
       .fallback = "0",
       .minimum = 0,
       .maximum = 1},
      {.name = "sequence_tokens",
       .type = ParameterType::kInteger,
       .doc = "length of a sequence, for the sequence-wise loss that is reported",
       .fallback = "4096",
       .minimum = 1}};
  parameters.insert(parameters.end(), common.begin(), common.end());
  return parameters;
}

std::vector<Parameter> weight_parameters() {
  return {{.name = "normalize",
           .type = ParameterType::kFlag,
           .doc = "divide a token's weights by their sum; default: as the model"},
          {.name = "scale",
           .type = ParameterType::kNumber,
           .doc = "factor on the weights; default: the model's",
           .minimum = 0,
           .above_minimum = true}};
}

}  // namespace moesim
