#include "analysis/plan/forked_steps.hpp"

#include <fmt/format.h>

#include <memory>

#include "analysis/experiment.hpp"
#include "analysis/json.hpp"
#include "analysis/plan/step_scenario.hpp"
#include "analysis/uncertainty.hpp"
#include "sim/max_batch.hpp"
#include "sim/simulate.hpp"

namespace moesim {
namespace {

constexpr int kExitOfInputError = 2;

// In the child.
std::string step_document(const Scenario& scenario) {
  const RunResult result = simulate(scenario);
  const Metrics metrics = compute_metrics(result);
  Json json = {{"step", metrics.step_time.mean},
               {"tokens_per_s", metrics.tokens_per_s},
               {"gpus", result.gpus},
               {"memory", metrics.memory_bytes_max},
               {"gpu_max_over_mean", metrics.imbalance.gpu_max_over_mean},
               {"fidelity", result.fidelity},
               {"calibrations", result.calibrations},
               {"warnings", result.warnings}};
  if (const auto uncertainty = estimate_uncertainty(result, metrics)) {
    json["error"] = uncertainty->step_error;
    json["unmeasured"] = uncertainty->unmeasured_share;
  }
  return json.dump();
}

double yield_of(const Scenario& scenario) {
  return scenario.workload.output_per_token() * (1 + scenario.workload.draft_tokens);
}

StepAnswer read_step(const std::string& document, const Scenario& scenario) {
  const Json json = Json::parse(document);
  StepAnswer answer{.step = Seconds(json["step"]),
                    .tokens_per_s = json["tokens_per_s"],
                    .gpus = json["gpus"],
                    .yield = yield_of(scenario),
                    .memory_bytes = json["memory"],
                    .gpu_max_over_mean = json["gpu_max_over_mean"].is_number()
                                             ? json["gpu_max_over_mean"].get<double>()
                                             : 1,
                    .fidelity = json["fidelity"],
                    .calibrations = json["calibrations"],
                    .warnings = json["warnings"]};
  if (json.contains("error")) answer.error = json["error"].get<double>();
  if (json.contains("unmeasured")) answer.unmeasured = json["unmeasured"];
  return answer;
}

// "H200, 4 nodes, …: experts …": the first mistake, without its place, which may be none of the
// user's.
std::string reason_of(const InputError& error) {
  const Mistake& mistake = error.mistakes().front();
  return mistake.message + (mistake.hint.empty() ? "" : "; " + mistake.hint);
}

// The same of an error that a child printed: "PLACE: error: REASON".
std::string reason_of(const std::string& error) {
  const std::string line = error.substr(0, error.find('\n'));
  const std::string mark = "error: ";
  const std::size_t at = line.find(mark);
  return at == std::string::npos ? line : line.substr(at + mark.size());
}

std::string room_document(const Scenario& scenario) {
  const LargestBatch batch = largest_batch(scenario);
  return Json{{"tokens", batch.tokens_per_gpu},
              {"unit", batch.unit},
              {"needed", batch.use.total().value},
              {"capacity", batch.use.capacity.value},
              {"way_out", batch.way_out}}
      .dump();
}

OptionRoom read_room(const std::string& document, const Scenario& scenario) {
  const Json json = Json::parse(document);
  OptionRoom room{.gpus = scenario.cluster->gpus(), .yield = yield_of(scenario)};
  const bool prefill = scenario.workload.phase == WorkloadPhase::kPrefill;
  const int unit = prefill ? scenario.workload.context : json["unit"].get<int>();
  room.batch = json["tokens"].get<int>() / unit;
  if (room.batch > 0) return room;
  const double needed = json["needed"], capacity = json["capacity"];
  room.lack = needed / capacity;
  room.way_out = json["way_out"];
  room.why_not = fmt::format("a GPU would need {:.1f} GB with the smallest batch, it has {:.1f}",
                             needed / 1e9, capacity / 1e9);
  if (needed <= capacity) room.why_not = "not even one whole prompt fits into memory";
  return room;
}

}  // namespace

ForkedSteps::ForkedSteps(const PlanQuestion& question, Options options)
    : question_(question), options_(std::move(options)) {}

std::vector<OptionRoom> ForkedSteps::rooms(const std::vector<PlanOption>& options) {
  std::vector<OptionRoom> rooms(options.size());
  std::vector<std::unique_ptr<Scenario>> scenarios(options.size());
  std::vector<Variant> variants;
  std::vector<std::size_t> asked;
  for (std::size_t i = 0; i < options.size(); ++i) {
    try {
      scenarios[i] =
          std::make_unique<Scenario>(step_scenario(question_, trial_query(question_, options[i])));
    } catch (const InputError& error) {
      rooms[i] = {.impossible = true, .why_not = reason_of(error)};
      continue;
    }
    asked.push_back(i);
    variants.push_back({option_text(question_, options[i]),
                        [scenario = scenarios[i].get()] { return room_document(*scenario); }});
  }
  const std::vector<Outcome> outcomes = run_variants(variants, {.jobs = options_.jobs});
  for (std::size_t v = 0; v < asked.size(); ++v) {
    OptionRoom& room = rooms[asked[v]];
    if (outcomes[v].exit_code == kExitOfInputError) {
      room = {.impossible = true, .why_not = reason_of(outcomes[v].error)};
      continue;
    }
    throw_if_failed({outcomes[v]});
    room = read_room(outcomes[v].document, *scenarios[asked[v]]);
  }
  return rooms;
}

std::vector<StepAnswer> ForkedSteps::steps(const std::vector<StepQuery>& queries) {
  std::vector<StepAnswer> answers(queries.size());
  std::vector<std::string> keys(queries.size());
  std::map<std::string, Scenario> fresh;
  for (std::size_t i = 0; i < queries.size(); ++i) {
    try {
      Scenario scenario = step_scenario(question_, queries[i]);
      keys[i] = write_yaml(scenario.resolved);
      if (!cache_.contains(keys[i])) fresh.emplace(keys[i], std::move(scenario));
    } catch (const InputError& error) {
      answers[i].why_not = reason_of(error);
    }
  }
  simulate_new(std::move(fresh));
  for (std::size_t i = 0; i < queries.size(); ++i)
    if (!keys[i].empty()) answers[i] = cache_.at(keys[i]);
  return answers;
}

void ForkedSteps::simulate_new(std::map<std::string, Scenario> scenarios) {
  std::vector<Variant> variants;
  for (const auto& [key, scenario] : scenarios)
    variants.push_back({scenario.name, [&one = scenario] { return step_document(one); }});
  const int before = simulated_;
  const std::vector<Outcome> outcomes =
      run_variants(variants, {.jobs = options_.jobs, .on_done = [&](int done) {
                                if (options_.on_done) options_.on_done(before + done);
                              }});
  simulated_ += static_cast<int>(variants.size());
  auto outcome = outcomes.begin();
  for (const auto& [key, scenario] : scenarios) {
    if (outcome->exit_code == kExitOfInputError)
      cache_[key].why_not = reason_of(outcome->error);
    else
      throw_if_failed({*outcome});
    if (outcome->exit_code == 0) cache_[key] = read_step(outcome->document, scenario);
    ++outcome;
  }
}

bool ForkedSteps::has_skew(const PlanOption& option) const {
  return skew_key(step_scenario(question_, {.option = option})).has_value();
}

}  // namespace moesim
