#include "sim/run_memory.hpp"

#include <fmt/format.h>

#include "sim/rebalancer.hpp"

namespace moesim {

MemoryRequest memory_request(const Scenario& scenario, const Placement& placement,
                             const LayerBuilder& builder,
                             const std::optional<OffloadSizes>& offload) {
  const Cluster& cluster = *scenario.cluster;
  return {.model = scenario.model,
          .parallel = scenario.grid->parallel(),
          .workload = scenario.workload,
          .slots = offload ? IdVector<GpuId, int>(cluster.gpus(), offload->all_slots)
                           : slots_per_gpu(placement, *scenario.grid, scenario.model),
          .buffers =
              [&builder](int tokens_per_gpu) {
                return builder.routing().exchange_buffers(tokens_per_gpu);
              },
          .staging = offload ? offload->staging() : staging_memory(scenario, placement),
          .capacity = cluster.gpu().memory,
          .gpus_per_node = cluster.gpus() / cluster.nodes(),
          .spot = scenario.workload_spot};
}

void add_temporary_copies(const Scenario& scenario, RunResult& result) {
  const double expert = expert_bytes(scenario.model).value;
  const double capacity = scenario.cluster->gpu().memory.value;
  const GpuRecord* fullest = nullptr;
  for (std::size_t g = 0; g < result.temporary_copies.size(); ++g) {
    GpuRecord& gpu = result.gpu_records[g];
    gpu.memory_bytes += result.temporary_copies[g] * expert;
    if (fullest == nullptr || gpu.memory_bytes > fullest->memory_bytes) fullest = &gpu;
  }
  if (fullest != nullptr && fullest->memory_bytes > capacity)
    result.warnings.push_back(fmt::format(
        "step_placement: with {} temporary copies of experts GPU {} needs {:.1f} GB of its {:.1f}",
        result.temporary_copies[static_cast<std::size_t>(fullest->gpu)], fullest->gpu,
        fullest->memory_bytes / 1e9, capacity / 1e9));
}

}  // namespace moesim
