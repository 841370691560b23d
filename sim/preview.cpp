// What can be said of a scenario without simulating it.
#include <algorithm>
#include <memory>

#include "sim/append_new.hpp"
#include "sim/calibration/calibrated_cost.hpp"
#include "sim/pipeline.hpp"
#include "sim/pipeline_memory.hpp"
#include "sim/simulate.hpp"
#include "sim/stretch.hpp"

namespace moesim {
namespace {

// The most of any pool.
Preview preview_of_pools(const Scenario& scenario) {
  Preview most;
  for (const PoolScenario& pool : scenario.pools) {
    const Preview own = preview(*pool.scenario);
    most.memory_bytes_max = std::max(most.memory_bytes_max, own.memory_bytes_max);
    most.memory_bytes_limit = own.memory_bytes_limit;
    most.predicted_gpu_max_over_mean =
        std::max(most.predicted_gpu_max_over_mean, own.predicted_gpu_max_over_mean);
    most.routing_detail = own.routing_detail;
    most.routes_per_step = std::max(most.routes_per_step, own.routes_per_step);
    append_new(most.warnings, own.warnings);
  }
  return most;
}

}  // namespace

Preview preview(const Scenario& scenario) {
  if (!scenario.pools.empty()) return preview_of_pools(scenario);
  const std::unique_ptr<CostModel> cost =
      make_cost_model(scenario.calibration, scenario.cluster->gpu());
  const Stretches stretches =
      make_stretches(scenario_of_passes(scenario), *cost, [](const Span&) {});
  const Stretch& first = *stretches.front();
  Preview preview{.memory_bytes_limit = scenario.cluster->gpu().memory.value,
                  .routing_detail =
                      first.builder.routing().detail() == RoutingDetail::kCounts ? "counts" : "ids",
                  .routes_per_step = static_cast<double>(scenario.workload.pass_tokens()) *
                                     scenario.workload.micro_batches *
                                     scenario.grid->attention_gpus() * scenario.model.top_k *
                                     scenario.model.moe_layer_count(),
                  .warnings = first.trace->notes()};
  for (const auto& stretch : stretches) {
    const MemoryRequest request = memory_of(scenario, *stretch);
    for (const MemoryUse& use : check_memory(request))
      preview.memory_bytes_max = std::max(preview.memory_bytes_max, use.total().value);
    append_new(preview.warnings, stretch->failover.memory_warnings(request));
  }
  preview.predicted_gpu_max_over_mean =
      predicted_max_over_mean(first.placement, first.load, scenario.grid->first_holder());
  return preview;
}

}  // namespace moesim
