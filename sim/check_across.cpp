#include "sim/check_across.hpp"

#include "sim/check_division.hpp"
#include "sim/event/event.hpp"
#include "sim/read_grid.hpp"
#include "sim/read_pipeline.hpp"
#include "sim/read_section.hpp"
#include "sim/read_serving.hpp"

namespace moesim {

void check_across(const Arguments& parallel, const Arguments& workload, Scenario& scenario,
                  Mistakes& mistakes) {
  GridSection grid =
      read_grid(parallel, scenario.model, scenario.cluster, chunks_of(scenario), mistakes);
  scenario.grid = std::move(grid.grid);
  for (const auto& [key, value] : grid.chosen)
    set_first(*scenario.resolved.find("parallel"), key, value);
  if (scenario.step_placement.kind != "none" && scenario.grid && !scenario.grid->plain())
    mistakes.add(scenario.step_placement.spot,
                 "experts travel only inside one expert-parallel group of all GPUs",
                 "parallel: {ep: all GPUs, tp: 1, pp: 1, etp: 1}, or step_placement: none");
  if (scenario.grid) read_pipeline(workload, scenario, mistakes);
  check_division(scenario, mistakes);
  check_serving(workload, scenario, mistakes);
  if (scenario.prefetch.kind != "none" && scenario.cache.kind == "none")
    mistakes.add(scenario.prefetch.spot, "there is nothing to prefetch: every expert has its slot",
                 "say which experts stay on the GPUs, for example cache: {kind: lru}");
  for (const Choice& event : scenario.events) {
    Registry<Event>::make(event)->fit(scenario, mistakes);
    if (scenario.cache.kind != "none")
      mistakes.add(event.spot, "events do not reach experts in a cache", "leave one of them out");
  }
}

}  // namespace moesim
