#include "sim/check_division.hpp"

#include <fmt/format.h>

#include "sim/overlap/overlap.hpp"

namespace moesim {
namespace {

// A turn is a distance between GPUs that exchange all with all.
void check_turns(const Scenario& scenario, int group, Mistakes& mistakes) {
  const Spot& spot = scenario.overlap.spot;
  const std::string& kind = scenario.overlap.kind;
  if (!scenario.grid->plain())
    mistakes.add(spot, fmt::format("overlap {} is of one expert-parallel group of all GPUs", kind),
                 "parallel: {ep: all GPUs, tp: 1, pp: 1, etp: 1}");
  else if (scenario.grid->ranks() % group != 0)
    mistakes.add(spot,
                 fmt::format("groups of {} GPUs do not divide {}", group, scenario.grid->ranks()),
                 "overlap.group");
}

// Attention and experts on GPUs of their own.
void check_split(const Scenario& scenario, bool divided, bool takes_turns, Mistakes& mistakes) {
  if (!scenario.grid || !scenario.grid->splits()) {
    if (takes_turns && scenario.grid)
      mistakes.add(scenario.overlap.spot,
                   fmt::format("overlap {} is between GPUs with attention and GPUs with experts",
                               scenario.overlap.kind),
                   "parallel: {attention_gpus: N} says how many have attention");
    return;
  }
  if (divided && !takes_turns)
    mistakes.add(scenario.overlap.spot,
                 fmt::format("micro-batches of overlap {} have one compute stream, and attention "
                             "and experts are on GPUs of their own",
                             scenario.overlap.kind),
                 "overlap: {kind: ping_pong, micro_batches: 3}");
  if (scenario.workload.phase == WorkloadPhase::kTraining)
    mistakes.add(scenario.workload_spot, "training has attention and experts on the same GPUs",
                 "parallel.attention_gpus: 0");
  if (scenario.cache.kind != "none")
    mistakes.add(scenario.cache.spot,
                 "GPUs with nothing but experts keep them all: a cache is for GPUs with both",
                 "leave one of cache and parallel.attention_gpus out");
}

}  // namespace

void check_division(const Scenario& scenario, Mistakes& mistakes) {
  if (scenario.cache.kind != "none" && scenario.grid && scenario.grid->parallel().fused_shared)
    mistakes.add(scenario.cache.spot, "a cache cuts the kernel of the routed experts in parts",
                 "parallel: {shared_experts: separate}");
  const auto overlap = Registry<Overlap>::make(scenario.overlap);
  const MicroBatches batches = overlap->split(scenario.workload);
  check_split(scenario, batches.tokens.size() > 1 || batches.peer_group > 0,
              overlap->needs_attention_gpus(), mistakes);
  if (batches.peer_group > 0) check_turns(scenario, batches.peer_group, mistakes);
  if (batches.tokens.size() < 2 && batches.peer_group == 0) return;
  // Weights that move during a step are for all of a layer's tokens, which are together before
  // turns are made.
  for (const Choice* choice : {&scenario.step_placement, &scenario.cache})
    if (choice->kind != "none" && (choice == &scenario.cache || batches.peer_group == 0))
      mistakes.add(
          scenario.overlap.spot,
          fmt::format("overlap {} divides the tokens of a step, and {} {} does not",
                      scenario.overlap.kind, choice == &scenario.cache ? "cache" : "step_placement",
                      choice->kind),
          "take overlap none or shared_expert with it");
}

}  // namespace moesim
