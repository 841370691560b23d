#include "sim/provenance.hpp"

#include <algorithm>

#include "sim/append_new.hpp"
#include "sim/base/digest.hpp"
#include "sim/base/presets.hpp"

namespace moesim {
namespace {

// Does the placement depend on a profiling window of the trace?
bool uses_profile(const Scenario& scenario) {
  return !scenario.placement.arguments.given("load") &&
         Registry<PlacementPolicy>::make(scenario.placement)->needs().load;
}

std::vector<std::string> cautions(const Stretch& stretch) {
  const LayerRouting& routing = stretch.builder.routing();
  std::vector<std::string> all;
  const auto add = [&](std::string caution) {
    if (!caution.empty()) all.push_back(std::move(caution));
  };
  add(routing.gate().caution());
  add(routing.capacity().caution(stretch.scenario.model));
  if (routing.gate().needs() != RoutingDetail::kCounts && uses_profile(stretch.scenario))
    add("placement: its profiling window has the trace's routes, not the gate's");
  return all;
}

}  // namespace

void add_provenance(const Scenario& scenario, RunResult& result) {
  result.fidelity = to_string(scenario.network.fidelity);
  result.tolerance = scenario.network.tolerance;
  for (const std::string& file : scenario.inputs)
    result.inputs.emplace_back(file, file_digest(file_of_shown(file)));
}

void add_provenance(const Stretch& stretch, const CostModel& cost, RunResult& result) {
  append_new(result.warnings, stretch.trace->notes());
  append_new(result.warnings, cautions(stretch));
  append_new(result.warnings, cost.warnings());
  append_new(result.calibrations, cost.names());
  for (const HeldOutError& error : cost.errors())
    if (std::find(result.errors.begin(), result.errors.end(), error) == result.errors.end())
      result.errors.push_back(error);
  const bool counts = stretch.builder.routing().detail() == RoutingDetail::kCounts;
  result.routing_detail = counts ? "counts" : "ids";
}

}  // namespace moesim
