#include "sim/cli/run_fidelities.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>

#include "analysis/experiment.hpp"
#include "analysis/format.hpp"
#include "analysis/json.hpp"
#include "analysis/summary.hpp"
#include "analysis/text_table.hpp"
#include "sim/cli/command.hpp"
#include "sim/simulate.hpp"

namespace moesim {
namespace {

struct Rung {
  std::string text;  // as given
  Scenario scenario;
};

Rung read_rung(ScenarioFlags flags, const std::string& text) {
  const std::size_t colon = text.find(':');
  flags.overrides.push_back("network.fidelity=" + text.substr(0, colon));
  if (colon != std::string::npos)
    flags.overrides.push_back("network.tolerance=" + text.substr(colon + 1));
  return {.text = text, .scenario = flags.read()};
}

std::string run_one(const Scenario& scenario) {
  const RunResult result = simulate(scenario);
  Json steps = Json::array();
  for (const StepRecord& step : result.steps) steps.push_back(step.seconds);
  Json document = {{"summary", summary_document(scenario, result)}, {"steps", steps}};
  document["cpu_s"] = static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  return document.dump();
}

bool has_tolerance(Fidelity fidelity) {
  return fidelity == Fidelity::kFluid || fidelity == Fidelity::kAggregated;
}

// Smaller is more exact: by the fidelity, then by its tolerance.
std::pair<int, double> inexactness(const Scenario& scenario) {
  const Fidelity fidelity = scenario.network.fidelity;
  return {static_cast<int>(fidelity), has_tolerance(fidelity) ? scenario.network.tolerance : 0};
}

struct Error {
  double mean = 0;   // of the mean step time: this / reference − 1
  double worst = 0;  // the largest of any step, either way
};

Error error_of(const Json& run, const Json& reference) {
  const auto mean = [](const Json& document) {
    return document["summary"]["metrics"]["step_time_s"]["mean"].get<double>();
  };
  Error error{.mean = mean(run) / mean(reference) - 1};
  for (std::size_t step = 0; step < run["steps"].size(); ++step)
    error.worst = std::max(
        error.worst,
        std::fabs(run["steps"][step].get<double>() / reference["steps"][step].get<double>() - 1));
  return error;
}

std::string label(const Scenario& scenario) {
  const NetworkOptions& network = scenario.network;
  return has_tolerance(network.fidelity)
             ? fmt::format("{}, tolerance {}", to_string(network.fidelity), network.tolerance)
             : to_string(network.fidelity);
}

TextTable table_of(const std::vector<Rung>& choices, const std::vector<Json>& runs,
                   std::size_t reference) {
  TextTable table({{"fidelity"},
                   {"step time", true},
                   {"error", true},
                   {"worst step", true, 4},
                   {"dispatch", true, 3},
                   {"combine", true, 2},
                   {"wait", true, 1},
                   {"CPU", true}});
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const Json& metrics = runs[i]["summary"]["metrics"];
    const double step = metrics["step_time_s"]["mean"];
    const auto time = [step](double seconds) {
      return seconds < 1e-9 * step ? "0 s" : format_time(Seconds(seconds));  // rounding
    };
    const Error error = error_of(runs[i], runs[reference]);
    const bool is_reference = i == reference;
    table.add({label(choices[i].scenario), time(step),
               is_reference ? "reference" : format_error(error.mean),
               is_reference ? "" : fmt::format("{:.2f} %", 100 * error.worst),
               time(metrics["breakdown_s"]["dispatch"]), time(metrics["breakdown_s"]["combine"]),
               time(metrics["breakdown_s"]["wait"]),
               fmt::format("{:.2f} s", runs[i]["cpu_s"].get<double>())});
  }
  return table;
}

Json document_of(const std::vector<Rung>& choices, const std::vector<Json>& runs,
                 std::size_t reference) {
  Json list = Json::array();
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const Error error = error_of(runs[i], runs[reference]);
    list.push_back({{"fidelity", to_string(choices[i].scenario.network.fidelity)},
                    {"tolerance", choices[i].scenario.network.tolerance},
                    {"error", number_or_null(error.mean)},
                    {"worst_step_error", number_or_null(error.worst)},
                    {"metrics", runs[i]["summary"]["metrics"]}});
  }
  return {{"schema", "moesim.fidelities/1"},
          {"scenario", runs[reference]["summary"]["scenario"]},
          {"reference", reference},
          {"runs", list}};
}

}  // namespace

int run_fidelities(const ScenarioFlags& scenario, const OutputFlags& output,
                   const std::vector<std::string>& fidelities) {
  std::vector<Rung> choices;
  for (const std::string& text : fidelities) choices.push_back(read_rung(scenario, text));
  std::vector<Variant> variants;
  for (const Rung& choice : choices)
    variants.push_back({choice.text, [&choice] { return run_one(choice.scenario); }});
  const std::vector<Outcome> outcomes = run_variants(variants, {.jobs = output.job_count()});
  throw_if_failed(outcomes);
  std::vector<Json> runs;
  for (const Outcome& outcome : outcomes) runs.push_back(Json::parse(outcome.document));
  std::size_t reference = 0;
  for (std::size_t i = 1; i < choices.size(); ++i)
    if (inexactness(choices[i].scenario) < inexactness(choices[reference].scenario)) reference = i;
  if (output.json) {
    fmt::print("{}", write_json(document_of(choices, runs, reference)));
    return kExitDone;
  }
  const Scenario& first = choices.front().scenario;
  fmt::print("{}\n{} on {} GPUs, {} steps\n\n{}", first.name, first.model.name,
             first.cluster->gpus(), first.workload.steps,
             table_of(choices, runs, reference).text(output.screen()));
  fmt::print("\nerror: mean step time against {}; CPU: of this machine\n",
             label(choices[reference].scenario));
  return kExitDone;
}

}  // namespace moesim
