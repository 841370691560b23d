#include "sim/cli/run_blame.hpp"

#include "sim/simulate.hpp"

namespace moesim {

Json step_seconds(const RunResult& result) {
  Json seconds = Json::array();
  for (const StepRecord& step : result.steps) seconds.push_back(step.seconds);
  return seconds;
}

std::vector<Variant> blame_variants(const Scenario& scenario) {
  std::vector<Variant> variants;
  for (const Cause& cause : causes())
    variants.push_back({cause.text, [&scenario, &cause] {
                          return step_seconds(simulate(scenario, {}, cause.without)).dump();
                        }});
  return variants;
}

Blame read_blame(const Json& steps, const std::vector<Outcome>& without) {
  Blame blame{.steps = steps.get<std::vector<double>>()};
  for (const Outcome& outcome : without)
    blame.without.push_back(Json::parse(outcome.document).get<std::vector<double>>());
  return blame;
}

}  // namespace moesim
