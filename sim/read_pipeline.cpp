#include "sim/read_pipeline.hpp"

#include <fmt/format.h>

#include "sim/read_section.hpp"
#include "sim/schedule/schedule.hpp"

namespace moesim {
namespace {

bool has_pairs(const std::vector<StageOperations>& stages) {
  for (const StageOperations& operations : stages)
    for (const StageOperation& operation : operations)
      if (operation.kind == PassKind::kForwardAndBackward) return true;
  return false;
}

// Policies that look at whole steps, one after the other.
void refuse_policies(const Scenario& scenario, const std::string& why, Mistakes& mistakes) {
  const auto refuse = [&](const char* section, const Choice& choice) {
    if (choice.kind.empty() || choice.kind == "none") return;
    mistakes.add(choice.spot, fmt::format("{} {} does not go with {}", section, choice.kind, why),
                 fmt::format("{}: none, or parallel.pp: 1 and workload.micro_batches: 1", section));
  };
  refuse("rebalance", scenario.rebalance);
  refuse("step_placement", scenario.step_placement);
  refuse("cache", scenario.cache);
  if (!scenario.launching.graphs || scenario.launching.step.value > 0)
    mistakes.add(scenario.workload_spot, fmt::format("host launches do not go with {}", why),
                 "launch: {graphs: true, step: 0 s}");
  for (const Choice& event : scenario.events)
    mistakes.add(event.spot, fmt::format("events do not go with {}", why),
                 "leave them out, or parallel.pp: 1 and workload.micro_batches: 1");
}

// A collective's group has as many GPUs on each node.
void check_stage(const Scenario& scenario, Mistakes& mistakes) {
  const Cluster& cluster = *scenario.cluster;
  const int stage = scenario.grid->stage_gpus(), node = cluster.gpus() / cluster.nodes();
  if (stage % node != 0 && node % stage != 0)
    mistakes.add(scenario.workload_spot,
                 fmt::format("the {} GPUs of a stage are not whole nodes, nor an equal part of the "
                             "{} GPUs of one",
                             stage, node),
                 "choose parallel.pp so that they are");
}

void check_training(const Scenario& scenario, int micro_batches, Mistakes& mistakes) {
  const auto schedule = Registry<PipelineSchedule>::make(scenario.schedule);
  const std::string mistake = schedule->mistake(scenario.grid->stages(), micro_batches);
  if (!mistake.empty())
    mistakes.add(scenario.schedule.spot, mistake, "change workload.micro_batches or parallel.pp");
  else if (scenario.training.recompute == Recompute::kFull &&
           has_pairs(schedule->operations(scenario.grid->stages(), micro_batches)))
    mistakes.add(scenario.schedule.spot,
                 "passes that run as pairs do not compute whole layers again",
                 "training.recompute: selective");
  if (scenario.overlap.kind != "none")
    mistakes.add(scenario.overlap.spot, "in training the schedule says what runs beside what",
                 "overlap: none, and schedule: {kind: one_f_one_b, overlapped: true} or dualpipe");
  if (!scenario.grid->parallel().scattered)
    mistakes.add(scenario.workload_spot, "training scatters the tokens of a tp group",
                 "parallel.tokens: scattered");
  check_stage(scenario, mistakes);
}

void check_tokens(const Arguments& workload, const Workload& work, int micro_batches,
                  Mistakes& mistakes) {
  const int answer = 1 + work.draft_tokens;
  if (work.tokens_per_gpu % (micro_batches * answer) == 0 &&
      work.mixed_prompt_tokens % micro_batches == 0)
    return;
  const char* key = workload.given("micro_batches") ? "micro_batches" : "tokens_per_gpu";
  mistakes.add(workload.spot(key),
               fmt::format("{} tokens per GPU are not {} micro-batches of the same size",
                           work.tokens_per_gpu, micro_batches),
               "workload.micro_batches must divide workload.tokens_per_gpu; its default is the "
               "number of pipeline stages");
}

}  // namespace

void read_pipeline(const Arguments& workload, Scenario& scenario, Mistakes& mistakes) {
  const int stages = scenario.grid->stages();
  const bool written = workload.has("micro_batches");
  const int micro_batches = written ? workload.integer("micro_batches") : stages;
  const bool training = scenario.workload.phase == WorkloadPhase::kTraining;
  if (training || stages > 1 || micro_batches > 1)
    refuse_policies(scenario,
                    training     ? "training"
                    : stages > 1 ? "pipeline stages"
                                 : "micro-batches",
                    mistakes);
  if (training)
    check_training(scenario, micro_batches, mistakes);
  else
    check_tokens(workload, scenario.workload, micro_batches, mistakes);
  scenario.workload.micro_batches = micro_batches;
  if (!written && stages == 1 && !training) return;
  YamlNode& section = *scenario.resolved.find("workload");
  set_first(section, "micro_batches", std::to_string(micro_batches));
  section = in_declared_order(std::move(section), section_parameters("workload"));
}

void read_training(const Arguments& section, Scenario& scenario) {
  const std::string& optimizer = section.text("optimizer");
  constexpr double kMaster = 4, kWide = 4, kNarrow = 2;  // bytes of a parameter
  scenario.training = {
      .recompute = choice_of<Recompute>(section, "recompute", {"none", "selective", "full"}),
      .zero = section.integer("zero"),
      .gradients = dtype_of(section.text("gradient_dtype")),
      .state_bytes = kMaster + (optimizer == "adam"        ? 2 * kWide
                                : optimizer == "adam_bf16" ? 2 * kNarrow
                                                           : kWide),
      .fp8_exchange = section.text("gradient_exchange") == "fp8",
      .overlap_gradients = section.flag("overlap_gradients")};
}

int chunks_of(const Scenario& scenario) {
  if (scenario.workload.phase != WorkloadPhase::kTraining) return 1;
  const auto schedule = Registry<PipelineSchedule>::make(scenario.schedule);
  return schedule->both_ways() ? 1 : schedule->chunks();
}

}  // namespace moesim
