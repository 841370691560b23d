// moesim plan: how many nodes of which machine serve a workload within its targets.
#include "analysis/plan/plan.hpp"

#include <fmt/format.h>

#include <memory>

#include "analysis/output_directory.hpp"
#include "analysis/plan/forked_steps.hpp"
#include "analysis/plan/plan_json.hpp"
#include "analysis/plan/plan_table.hpp"
#include "analysis/plan/read_question.hpp"
#include "analysis/plan/step_scenario.hpp"
#include "analysis/plan/verify.hpp"
#include "analysis/progress.hpp"
#include "analysis/report/report.hpp"
#include "sim/base/preset_section.hpp"
#include "sim/cli/command.hpp"
#include "sim/cli/command_line.hpp"
#include "sim/cli/flags.hpp"
#include "sim/read_scenario.hpp"

namespace moesim {
namespace {

struct PlanFlags {
  std::string path, directory;
  std::vector<std::string> overrides;
  std::optional<std::uint64_t> seed;
  bool verify = false;
  OutputFlags output;
};

PlanQuestion read(const PlanFlags& flags) {
  std::vector<std::string> overrides = flags.overrides;
  if (flags.seed) overrides.push_back(fmt::format("seed={}", *flags.seed));
  if (flags.verify) overrides.emplace_back("verify=true");
  PlanQuestion question = read_question(flags.path, overrides);
  check_scenarios(question);
  if (question.verify && !question.prefill.planned)
    throw InputError({text_source("verify", "", true), 0, 0},
                     "answers have prompts, and prefill is not planned");
  return question;
}

PlanAnswer answer_to(const PlanQuestion& question, const PlanFlags& flags) {
  Progress progress("steps", Progress::wanted(flags.output.quiet));
  // How many steps it will take shows only on the way.
  const auto options =
      static_cast<std::int64_t>(8 * question.clusters.size() * (question.decode.nodes.size() + 1) *
                                question.decode.policies.size());
  ForkedSteps source(question, {.jobs = flags.output.job_count(), .on_done = [&](int done) {
                                  progress.update(done, std::max<std::int64_t>(options, done));
                                }});
  PlanAnswer answer = make_plan(question, source);
  if (question.verify && answer.cheapest)
    answer.verified = verify(question, answer.candidates, answer.deployments[*answer.cheapest]);
  return answer;
}

void write_scenario(const OutputDirectory& directory, const std::string& name,
                    const Scenario& scenario) {
  directory.write(name, write_yaml(relocated(scenario.resolved, directory.path())));
}

// Scenarios that run: a step of each pool, and the serving of the whole.
void write_deployment(const OutputDirectory& directory, const std::string& name,
                      const PlanQuestion& question, const PlanAnswer& answer,
                      const Deployment& deployment) {
  const auto step = [&](const PoolSize& size) {
    const PlanOption& option = answer.candidates[size.candidate].option;
    write_scenario(directory, fmt::format("{}_{}.yaml", name, pool_text(option.pool)),
                   step_scenario(question, {.option = option, .batch = size.point.batch}));
  };
  step(deployment.decode);
  if (!deployment.prefill) return;
  step(*deployment.prefill);
  write_scenario(directory, name + "_serving.yaml",
                 read_scenario(serving_tree(question, answer.candidates, deployment),
                               question.name + "_serving"));
}

void write_outputs(OutputDirectory& directory, const PlanQuestion& question,
                   const PlanAnswer& answer, const std::string& document) {
  directory.write("plan.json", document);
  directory.write("plan.yaml", write_yaml(relocated(question.resolved, directory.path())));
  directory.write("candidates.csv", candidates_csv(question, answer));
  if (answer.cheapest) {
    write_deployment(directory, "cheapest", question, answer, answer.deployments[*answer.cheapest]);
    if (*answer.smallest != *answer.cheapest)
      write_deployment(directory, "smallest", question, answer,
                       answer.deployments[*answer.smallest]);
  }
  directory.write("report.html",
                  report_page([&](const std::string& name) { return directory.read(name); }));
  directory.commit();
}

void print_table(const PlanQuestion& question, const PlanAnswer& answer, const PlanFlags& flags) {
  fmt::print("{}", plan_table(question, answer, flags.output.screen()));
  if (!flags.directory.empty()) fmt::print("written to {}\n", flags.directory);
  if (!answer.cheapest || !question.prefill.planned || answer.verified) return;
  if (flags.directory.empty())
    fmt::print(
        "to check it with queues: moesim plan {} --verify, or -o DIR and moesim run "
        "DIR/cheapest_serving.yaml\n",
        flags.path);
  else
    fmt::print("to check it with queues: moesim run {}/cheapest_serving.yaml\n", flags.directory);
}

std::string command_of(const PlanFlags& flags) {
  CommandLine line("plan");
  line.file(flags.path).flags("--set", flags.overrides);
  if (flags.seed) line.flag("--seed", fmt::format("{}", *flags.seed));
  return line.text() + (flags.verify ? " --verify" : "");
}

int run(const PlanFlags& flags) {
  const PlanQuestion question = read(flags);
  std::optional<OutputDirectory> directory;
  if (!flags.directory.empty()) directory.emplace(flags.directory);
  const PlanAnswer answer = answer_to(question, flags);
  Json whole = plan_document(question, answer);
  whole["command"] = command_of(flags);
  const std::string document = write_json(whole);
  if (directory) write_outputs(*directory, question, answer, document);
  if (flags.output.json)
    fmt::print("{}", document);
  else
    print_table(question, answer, flags);
  return answer.cheapest ? kExitDone : kExitNo;
}

const RegisterCommand kPlan(
    "plan",
    {"find the smallest and the cheapest deployment that meets targets", [](CLI::App& app) {
       auto flags = std::make_shared<PlanFlags>();
       app.add_option("QUESTION", flags->path, "the question (see scenarios/README.md)")
           ->required()
           ->type_name("YAML");
       add_repeatable(app, "--set", flags->overrides, "KEY=VALUE",
                      "override a key: --set targets.tpot='30 ms' (repeatable)");
       app.add_option("--seed", flags->seed, "seed of all random streams (same as --set seed=N)");
       app.add_flag("--verify", flags->verify,
                    "serve requests on the cheapest deployment, queues included; takes minutes");
       flags->output.declare(app);
       app.add_option(
              "-o,--out", flags->directory,
              "directory for report.html, plan.json, plan.yaml, candidates.csv and scenarios of "
              "the winners")
           ->check([](const std::string& text) {
             return text.empty() ? std::string("needs the name of a directory") : std::string();
           });
       return [flags] { return run(*flags); };
     }});

}  // namespace
}  // namespace moesim
