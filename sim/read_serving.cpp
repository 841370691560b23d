#include "sim/read_serving.hpp"

#include <fmt/format.h>

#include "sim/batching/batching.hpp"
#include "sim/queue/queue.hpp"
#include "sim/read_section.hpp"
#include "sim/read_targets.hpp"
#include "sim/requests/requests.hpp"
#include "sim/router/router.hpp"

namespace moesim {
namespace {

using Type = ParameterType;

std::vector<Parameter> kv_parameters() {
  return {
      {.name = "page",
       .type = Type::kInteger,
       .doc = "tokens of a page of the KV cache (FlashMLA: 64; vLLM: 16)",
       .fallback = "64",
       .minimum = 1},
      {.name = "kv_tokens",
       .type = Type::kInteger,
       .doc = "tokens that a rank's KV cache has room for; default: what its memory leaves",
       .minimum = 1},
      {.name = "prefix_cache",
       .type = Type::kFlag,
       .doc = "prompts that begin like an earlier one on the rank find its KV cache; the least "
              "recently used goes",
       .fallback = "true"},
      {.name = "preemption",
       .type = Type::kChoice,
       .doc = "when KV pages run out, the request that arrived last computes its cache again "
              "(recompute) or has it in host memory (swap); or room for whole answers is reserved, "
              "and they never do (reserve)",
       .fallback = "recompute",
       .choices = {"reserve", "recompute", "swap"}},
      {.name = "max_new_tokens",
       .type = Type::kInteger,
       .doc = "preemption reserve: room for an answer of so many tokens, or of its own length if "
              "that is longer; default: its own",
       .minimum = 1},
      {.name = "host_rate",
       .type = Type::kRate,
       .doc = "preemption swap: between a rank and host memory, one way; assumed (PCIe 5 x16)",
       .fallback = "50 GB/s",
       .minimum = 0,
       .above_minimum = true},
  };
}

std::vector<Parameter> limit_parameters() {
  return {
      {.name = "duration",
       .type = Type::kTime,
       .doc = "no step begins afterwards; default: until all requests have ended",
       .minimum = 0,
       .above_minimum = true},
      {.name = "max_tokens",
       .type = Type::kInteger,
       .doc = "of a prompt and its answer: longer requests are refused; default: what fits",
       .minimum = 2},
  };
}

Seconds time_or_none(const Arguments& section, const std::string& name) {
  return section.has(name) ? section.time(name) : Seconds();
}

int integer_or_none(const Arguments& section, const std::string& name) {
  return section.has(name) ? section.integer(name) : 0;
}

ServingOptions options_of(const Arguments& section, Mistakes& mistakes) {
  ServingOptions options{
      .page = section.integer("page"),
      .kv_tokens = integer_or_none(section, "kv_tokens"),
      .prefix_cache = section.flag("prefix_cache"),
      .preemption = choice_of<KvPolicy>(section, "preemption", {"reserve", "recompute", "swap"}),
      .max_new_tokens = integer_or_none(section, "max_new_tokens"),
      .host_rate = section.rate("host_rate"),
      .duration = time_or_none(section, "duration"),
      .max_tokens = integer_or_none(section, "max_tokens"),
      .targets = read_targets(section, mistakes)};
  if (options.prefix_cache && kPrefixBlock % options.page != 0)
    mistakes.add(section.spot("page"),
                 fmt::format("a block of the prefix cache, {} tokens, is not whole pages of {}",
                             kPrefixBlock, options.page),
                 "a power of two, or prefix_cache: false");
  if (options.max_new_tokens > 0 && options.preemption != KvPolicy::kReserve)
    mistakes.add(section.spot("max_new_tokens"), "nothing is reserved for answers",
                 "preemption: reserve");
  return options;
}

void refuse_without_requests(const YamlNode& root, Mistakes& mistakes) {
  std::vector<std::string> names = serving_roles();
  names.push_back("serving");
  for (const std::string& name : names)
    if (const YamlNode* node = root.find(name))
      mistakes.add(node->spot, fmt::format("'{}' is for serving, and there are no requests", name),
                   "say which come, in a section requests:");
}

}  // namespace

std::vector<Parameter> serving_parameters() {
  std::vector<Parameter> parameters = kv_parameters();
  for (const auto& more : {limit_parameters(), target_parameters()})
    parameters.insert(parameters.end(), more.begin(), more.end());
  return parameters;
}

std::vector<Parameter> step_cache_parameters() {
  return {
      {.name = "error",
       .type = ParameterType::kNumber,
       .doc = "of a step's time that interpolation may make, relative; where it makes more, more "
              "steps are simulated",
       .fallback = "0.01",
       .minimum = 0.0001,
       .maximum = 0.5},
      {.name = "draws",
       .type = ParameterType::kInteger,
       .doc = "of routes for each simulated step, whose time is their mean",
       .fallback = "1",
       .minimum = 1,
       .maximum = 100}};
}

std::vector<std::string> serving_roles() {
  return {RequestSource::kRole, Batching::kRole, QueueOrder::kRole, Router::kRole};
}

void read_serving(const YamlNode& root, Scenario& scenario, Mistakes& mistakes) {
  const YamlNode* requests = root.find(RequestSource::kRole);
  if (requests == nullptr) return refuse_without_requests(root, mistakes);
  const auto read = [&](const char* role, const std::string& fallback) {
    const YamlNode* node = root.find(role);
    Choice choice = read_choice(
        role, node != nullptr ? *node : YamlNode::scalar(fallback, root.spot), mistakes);
    if (!choice.kind.empty()) scenario.resolved.set(role, resolved_choice(role, choice));
    return choice;
  };
  scenario.requests = read(RequestSource::kRole, "");
  scenario.batching = read(Batching::kRole, "chunked_prefill");
  scenario.queue = read(QueueOrder::kRole, "fcfs");
  scenario.router = read(Router::kRole, "round_robin");
  const Arguments section = read_arguments(section_node(root, "serving"), serving_parameters(),
                                           mistakes, "section 'serving'");
  if (!section.has("page")) return;  // not a section, which is reported
  scenario.serving = options_of(section, mistakes);
  scenario.resolved.set("serving", resolved_section(section, serving_parameters()));
}

void check_requests(Scenario& scenario, Mistakes& mistakes) {
  YamlNode& resolved = *scenario.resolved.find(RequestSource::kRole);
  try {
    const auto source = Registry<RequestSource>::make(scenario.requests);
    check_targets(scenario.serving.targets, source->classes(), mistakes);
    note_nested_files(resolved, "traces", scenario.inputs);
  } catch (const InputError& error) {
    mistakes.add(error);
  }
}

int read_tokens(const Arguments& workload, Scenario& scenario, Mistakes& mistakes) {
  if (workload.has("tokens_per_gpu")) return workload.integer("tokens_per_gpu");
  if (!workload.has("draft_tokens")) return 0;  // not a section, which is reported
  if (!scenario.serves())
    mistakes.add(workload.section(), "section 'workload' needs 'tokens_per_gpu'",
                 "new tokens of each GPU in a step");
  if (scenario.batching.kind.empty()) return 0;
  const int tokens = Registry<Batching>::make(scenario.batching)
                         ->most_tokens(1 + workload.integer("draft_tokens"));
  YamlNode& section = *scenario.resolved.find("workload");
  set_first(section, "tokens_per_gpu", std::to_string(tokens));
  section = in_declared_order(std::move(section), section_parameters("workload"));
  return tokens;
}

void check_serving(const Arguments& workload, const Scenario& scenario, Mistakes& mistakes) {
  if (!scenario.serves()) return;
  for (const Choice* choice : {&scenario.cache, &scenario.step_placement})
    if (choice->kind != "none")
      mistakes.add(choice->spot,
                   fmt::format("'{}' is for fixed batches, not for serving yet", choice->kind));
  if (scenario.workload.phase == WorkloadPhase::kTraining)
    mistakes.add(workload.spot("phase"), "requests are served, not trained on");
  if (scenario.grid != nullptr && scenario.grid->stages() > 1)
    mistakes.add(workload.section(), "pipeline stages are for fixed batches, not for serving yet",
                 "parallel: {pp: 1}");
  if (scenario.step_cache && (!scenario.events.empty() || scenario.rebalance.kind != "none"))
    mistakes.add(scenario.events.empty() ? scenario.rebalance.spot : scenario.events.front().spot,
                 "interpolated steps know one map of experts and no events",
                 "workload: {step_cache: off}");
}

void read_step_cache(const Arguments& workload, Scenario& scenario, Mistakes& mistakes) {
  const bool written = workload.has("step_cache");
  if (!scenario.serves()) {
    if (written)
      mistakes.add(workload.spot("step_cache"),
                   "a step cache is for serving, and there are no requests");
    return;
  }
  YamlNode& section = *scenario.resolved.find("workload");
  if (written && workload.tree("step_cache").is_scalar()) {
    if (workload.tree("step_cache").text != "off")
      mistakes.add(workload.spot("step_cache"), "a step cache has an error, or it is off",
                   "step_cache: {error: 0.01}");
    return;
  }
  const std::vector<Parameter>& parameters = section_parameters("workload.step_cache");
  const Arguments own =
      read_arguments(written ? workload.tree("step_cache") : YamlNode::map(workload.section()),
                     parameters, mistakes, "section 'workload.step_cache'");
  if (!own.has("error")) return;
  scenario.step_cache =
      StepCacheOptions{.error = own.number("error"), .draws = own.integer("draws")};
  section.set("step_cache", resolved_section(own, parameters));
  section = in_declared_order(std::move(section), section_parameters("workload"));
}

}  // namespace moesim
