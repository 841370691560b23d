#include "analysis/metrics_json.hpp"

#include "analysis/phases.hpp"

namespace moesim {
namespace {

Json hiding_json(double under_way, double hidden) {
  return {{"under_way", number_or_null(under_way)},
          {"hidden", number_or_null(hidden)},
          {"exposed", number_or_null(under_way - hidden)}};
}

}  // namespace

Json breakdown_json(const PhaseSeconds& breakdown) {
  Json json = Json::object();
  for (const Phase phase : reported_phases({&breakdown, 1}))
    json[to_string(phase)] = number_or_null(seconds_of(breakdown, phase));
  return json;
}

Json communication_json(const CommunicationRecord& communication) {
  Json json = Json::object();
  for (int i = 0; i < kPhases; ++i)
    if (const auto phase = static_cast<Phase>(i); seconds_of(communication.under_way, phase) > 0)
      json[to_string(phase)] = hiding_json(seconds_of(communication.under_way, phase),
                                           seconds_of(communication.hidden, phase));
  json["any"] = hiding_json(communication.any_under_way, communication.any_hidden);
  return json;
}

Json imbalance_json(const ImbalanceRecord& imbalance) {
  return {{"gpu_max_over_mean", number_or_null(imbalance.gpu_max_over_mean)},
          {"expert_max_over_mean", number_or_null(imbalance.expert_max_over_mean)},
          {"gpu_cv", number_or_null(imbalance.gpu_cv)},
          {"gpu_gini", number_or_null(imbalance.gpu_gini)},
          {"balancedness_sglang", number_or_null(imbalance.balancedness_sglang)}};
}

}  // namespace moesim
