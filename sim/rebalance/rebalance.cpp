#include "sim/rebalance/rebalance.hpp"

namespace moesim {

Parameter link_efficiency_parameter() {
  return {.name = "link_efficiency",
          .type = ParameterType::kNumber,
          .doc = "share of a link's rate that copies of weights reach; assumed",
          .fallback = "0.8",
          .minimum = 0.01,
          .maximum = 1};
}

namespace {

std::vector<Parameter> common_parameters() {
  return {{.name = "execution",
           .type = ParameterType::kChoice,
           .doc = "blocking: everybody waits between two steps; layerwise: likewise for some "
                  "layers at a time; async: beside the steps, over the same links",
           .fallback = "blocking",
           .choices = {"blocking", "layerwise", "async"}},
          {.name = "layers_per_step",
           .type = ParameterType::kInteger,
           .doc = "of layerwise execution",
           .fallback = "1",
           .minimum = 1},
          {.name = "planning_time",
           .type = ParameterType::kTime,
           .doc = "of a new map on the CPU; blocking and layerwise steps wait for it; assumed",
           .fallback = "20 ms",
           .minimum = 0},
          {.name = "sms",
           .type = ParameterType::kInteger,
           .doc = "SMs that migration takes from compute on the GPUs it concerns",
           .fallback = "0",
           .minimum = 0},
          link_efficiency_parameter(),
          {.name = "estimator",
           .type = ParameterType::kChoice,
           .doc = "load to place for: sum over a window of steps, exponential average, the last "
                  "step, or the steps that come (which nobody can know)",
           .fallback = "window",
           .choices = {"window", "ema", "last", "future"}},
          {.name = "window",
           .type = ParameterType::kInteger,
           .doc = "steps of the estimators window and future",
           .fallback = "1000",
           .minimum = 1},
          {.name = "decay",
           .type = ParameterType::kNumber,
           .doc = "of the estimator ema: what is left of the past after a step",
           .fallback = "0.9",
           .minimum = 0,
           .maximum = 1},
          {.name = "placement",
           .type = ParameterType::kTree,
           .doc = "the policy that makes the maps, as in `placement:` (default: that section)"}};
}

}  // namespace

std::vector<Parameter> with_common(std::vector<Parameter> own,
                                   const std::map<std::string, std::string>& defaults) {
  for (Parameter& parameter : common_parameters()) {
    const auto other = defaults.find(parameter.name);
    if (other != defaults.end()) parameter.fallback = other->second;
    own.push_back(std::move(parameter));
  }
  return own;
}

std::vector<LayerId> Rebalance::choose_layers(int layers) {
  std::vector<LayerId> all;
  for (const LayerId layer : IdRange<LayerId>(layers)) all.push_back(layer);
  return all;
}

RebalanceOptions read_rebalance_options(const Arguments& arguments) {
  const std::string& execution = arguments.text("execution");
  const std::string& estimator = arguments.text("estimator");
  return {.execution = execution == "blocking"    ? Execution::kBlocking
                       : execution == "layerwise" ? Execution::kLayerwise
                                                  : Execution::kAsync,
          .layers_per_step = arguments.integer("layers_per_step"),
          .planning_time = arguments.time("planning_time"),
          .sms = arguments.integer("sms"),
          .link_efficiency = arguments.number("link_efficiency"),
          .estimator = estimator == "window" ? Estimator::kWindow
                       : estimator == "ema"  ? Estimator::kEma
                       : estimator == "last" ? Estimator::kLast
                                             : Estimator::kFuture,
          .window = arguments.integer("window"),
          .decay = arguments.number("decay")};
}

}  // namespace moesim
