#include "sim/read_workload.hpp"

#include <fmt/format.h>

#include "sim/read_section.hpp"

namespace moesim {
namespace {

void check_drafts(const Arguments& section, const Workload& work, const Scenario& scenario,
                  Mistakes& mistakes) {
  if (work.draft_tokens == 0) return;
  const MoeModel& model = scenario.model;
  const Spot& spot = section.spot("draft_tokens");
  if (!work.decode() && !scenario.serves()) {
    mistakes.add(spot, "only a decode step checks drafts", "phase: decode");
    return;
  }
  if (work.draft_tokens > model.mtp_layers)
    mistakes.add(
        spot,
        fmt::format("{} has {} layers for multi-token prediction", model.name, model.mtp_layers),
        "each draft comes from a layer of its own (model.mtp_layers)");
  if (!scenario.serves() && work.tokens_per_gpu % (1 + work.draft_tokens) != 0)
    mistakes.add(section.spot("tokens_per_gpu"),
                 fmt::format("an answer has {} new tokens in a step, its drafts included: "
                             "tokens_per_gpu must be a multiple of that",
                             1 + work.draft_tokens),
                 fmt::format("for example {}", (work.tokens_per_gpu / (1 + work.draft_tokens) + 1) *
                                                   (1 + work.draft_tokens)));
}

void read_mixed(const Arguments& section, Workload& work, Mistakes& mistakes) {
  if (work.phase != WorkloadPhase::kMixed) {
    for (const char* name : {"prompt_tokens", "prompt"})
      if (section.has(name))
        mistakes.add(section.spot(name), fmt::format("'{}' is of a mixed step", name),
                     "phase: mixed");
    return;
  }
  if (!section.has("prompt_tokens")) {
    mistakes.add(section.spot("phase"), "a mixed step needs 'prompt_tokens'",
                 "how many of tokens_per_gpu are of prompts");
    return;
  }
  work.mixed_prompt_tokens = section.integer("prompt_tokens");
  work.mixed_prompt = section.has("prompt") ? section.integer("prompt") : work.context;
  if (work.mixed_prompt_tokens >= work.tokens_per_gpu)
    mistakes.add(
        section.spot("prompt_tokens"),
        fmt::format("prompt_tokens must be below tokens_per_gpu ({}): the rest are answers",
                    work.tokens_per_gpu),
        "or phase: prefill");
}

}  // namespace

Workload read_workload(const Arguments& section, int tokens, const Scenario& scenario,
                       Mistakes& mistakes) {
  Workload work{.phase = choice_of<WorkloadPhase>(section, "phase",
                                                  {"prefill", "decode", "mixed", "training"}),
                .tokens_per_gpu = tokens,
                .context = section.integer("context"),
                .steps = section.integer("steps"),
                .warmup_steps = section.integer("warmup_steps"),
                .routing = choice_of<RoutingChoice>(section, "routing", {"auto", "ids", "counts"}),
                .draft_tokens = section.integer("draft_tokens"),
                .draft_acceptance = section.number("draft_acceptance")};
  read_mixed(section, work, mistakes);
  check_drafts(section, work, scenario, mistakes);
  return work;
}

Launching read_launching(const Arguments& section) {
  if (!section.has("graphs")) return {};  // a mistake that is reported already
  return {.graphs = section.flag("graphs"),
          .kernel = section.time("kernel"),
          .step = section.time("step")};
}

}  // namespace moesim
