#include "analysis/plan/verify.hpp"

#include "analysis/experiment.hpp"
#include "analysis/json.hpp"
#include "analysis/plan/step_scenario.hpp"
#include "analysis/serving_metrics.hpp"
#include "sim/read_scenario.hpp"
#include "sim/simulate.hpp"

namespace moesim {
namespace {

std::string served(const Scenario& scenario) {
  const RunResult result = simulate(scenario);
  const ServiceMetrics all = compute_serving_metrics(*result.serving, scenario.serving.targets).all;
  return Json{{"requests", all.requests},
              {"ttft", {number_or_null(all.ttft.mean), number_or_null(all.ttft.p99)}},
              {"tpot", {number_or_null(all.tpot.mean), number_or_null(all.tpot.p99)}},
              {"attainment", number_or_null(all.slo_attainment)}}
      .dump();
}

double number(const Json& json) { return json.is_number() ? json.get<double>() : 0; }

}  // namespace

Verified verify(const PlanQuestion& question, const std::vector<Candidate>& candidates,
                const Deployment& deployment) {
  const Scenario scenario =
      read_scenario(serving_tree(question, candidates, deployment), question.name);
  const std::vector<Outcome> outcomes =
      run_variants({{scenario.name, [&] { return served(scenario); }}}, {});
  throw_if_failed(outcomes);
  const Json json = Json::parse(outcomes.front().document);
  return {.requests = json["requests"],
          .ttft_mean = Seconds(number(json["ttft"][0])),
          .ttft_p99 = Seconds(number(json["ttft"][1])),
          .tpot_mean = Seconds(number(json["tpot"][0])),
          .tpot_p99 = Seconds(number(json["tpot"][1])),
          .attainment = number(json["attainment"])};
}

}  // namespace moesim
