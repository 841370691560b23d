#include "sim/pipeline_memory.hpp"

#include <algorithm>

#include "sim/schedule/schedule.hpp"

namespace moesim {
namespace {

void check_copies(const Scenario& scenario, const Placement& placement) {
  for (const LayerPlacement& layer : placement.layers)
    if (layer.slots() != scenario.model.experts)
      throw InputError(scenario.placement.spot,
                       "training has one copy of each expert in an expert-parallel group",
                       "a placement without redundant slots, such as linear");
}

// Bytes for each token of a micro-batch: what is kept of the most passes at a time, and what one
// layer computes again.
double kept_of(const Scenario& scenario, const StageOperations& operations, int stage,
               const StageShape& shape) {
  const int layers = scenario.model.layers;
  double chunk = 0, again = 0;  // of the largest
  std::vector<double> kept(static_cast<std::size_t>(shape.chunks));
  for (int layer = 0; layer < layers; ++layer) {
    const int at = scenario.grid->stage_of_layer(layer, layers);
    const bool mirrored = shape.both_ways && shape.stages - 1 - at == stage;
    if (at != stage && !mirrored) continue;
    const LayerActivations one =
        layer_activations(scenario.model, layer, scenario.training.recompute);
    const int part = shape.both_ways ? static_cast<int>(at != stage)
                                     : scenario.grid->chunk_of_layer(layer, layers);
    double& sum = kept[static_cast<std::size_t>(part)];
    sum += one.kept.value;
    chunk = std::max(chunk, sum);
    again = std::max(again, one.again.value);
  }
  return passes_in_flight(operations) * chunk + again;
}

void add_training(const Scenario& scenario, const Placement& placement, MemoryRequest& request) {
  check_copies(scenario, placement);
  const Grid& grid = *scenario.grid;
  const auto schedule = Registry<PipelineSchedule>::make(scenario.schedule);
  const auto all = schedule->operations(grid.stages(), scenario.workload.micro_batches);
  const StageShape shape = schedule->shape(grid.stages());
  const int copies = shape.both_ways ? 2 : 1;
  request.training = {.training = scenario.training,
                      .copies = static_cast<double>(copies),
                      .dense_replicas = 1.0 * copies * grid.stage_gpus() / grid.parallel().tp,
                      .expert_replicas = 1.0 * copies * grid.expert_replicas()};
  if (shape.both_ways) {
    Parallel mirrored = grid.parallel();
    mirrored.mirrored = true;
    const IdVector<GpuId, int> more =
        slots_per_gpu(placement, Grid(mirrored, scenario.cluster), scenario.model);
    for (const GpuId gpu : request.slots.ids()) request.slots[gpu] += more[gpu];
  }
  std::vector<double> kept;  // [stages]
  for (int stage = 0; stage < grid.stages(); ++stage)
    kept.push_back(kept_of(scenario, all[static_cast<std::size_t>(stage)], stage, shape));
  request.activations = [kept, &grid](const Workload& work, GpuId gpu) {
    return Bytes(kept[static_cast<std::size_t>(grid.stage_of(gpu))] * work.tokens_per_gpu);
  };
}

}  // namespace

MemoryRequest memory_of(const Scenario& scenario, const Stretch& stretch) {
  MemoryRequest request = memory_request(stretch);
  request.workload = scenario.workload;
  if (scenario.workload.phase == WorkloadPhase::kTraining)
    add_training(scenario, stretch.placement, request);
  return request;
}

}  // namespace moesim
