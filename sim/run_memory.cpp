#include "sim/run_memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "sim/model/activations.hpp"
#include "sim/rebalancer.hpp"

namespace moesim {
namespace {

// What a rank has of a layer, at the most.
struct RankShare {
  double routes = 0;  // of all that the layer's experts compute
  double slots = 0;
};

IdVector<GpuId, RankShare> rank_shares(const Scenario& scenario, const Placement* placement,
                                       const ExpertLoad* load) {
  const Parallel& parallel = scenario.grid->parallel();
  const RankShare even{.routes = 1.0 / parallel.ep,
                       .slots = std::ceil(1.0 * scenario.model.experts / parallel.ep)};
  IdVector<GpuId, RankShare> shares(parallel.ranks());
  if (placement == nullptr || load == nullptr) {
    for (const GpuId rank : shares.ids())
      if (parallel.holds_experts(rank)) shares[rank] = even;
    return shares;
  }
  for (const LayerId id : placement->layers.ids()) {
    const LayerPlacement& layer = placement->layers[id];
    const auto own = predicted_gpu_load(layer, load->row(id));
    const double all = std::accumulate(own.begin(), own.end(), 0.0);
    for (const GpuId rank : shares.ids()) {
      const double slots = layer.first_slot[rank.index() + 1] - layer.first_slot[rank.index()];
      shares[rank].routes = std::max(shares[rank].routes, all > 0 ? own[rank] / all : even.routes);
      shares[rank].slots = std::max(shares[rank].slots, slots);
    }
  }
  return shares;
}

// Of a layer.
int most_slots(const Placement& placement) {
  int most = 0;
  for (const LayerPlacement& layer : placement.layers) most = std::max(most, layer.slots());
  return most;
}

}  // namespace

std::function<Bytes(const Workload&, GpuId)> activations_of(const Scenario& scenario,
                                                            const LayerBuilder& builder,
                                                            const Placement* placement,
                                                            const ExpertLoad* load) {
  const Grid& grid = *scenario.grid;
  return [&scenario, &builder, &grid, shares = rank_shares(scenario, placement, load)](
             const Workload& work, GpuId gpu) {
    const Parallel& parallel = grid.parallel();
    const double each = work.tokens_per_gpu;
    const double of_group =
        each * (parallel.attention_gpus > 0 ? parallel.attention_gpus : parallel.ep * parallel.etp);
    const double tokens = parallel.attends(gpu) ? each : 0;
    const double of_prompts = parallel.attends(gpu) ? work.prompt_tokens() : 0;
    const double prompts = of_prompts > 0 ? std::max(1.0, of_prompts / work.prompt()) : 0;
    const RankShare& share = shares[GpuId(grid.rank_of(gpu))];
    const double rows =
        of_group * (builder.routing().padded() ? share.slots : share.routes * scenario.model.top_k);
    return activation_bytes(scenario.model,
                            {.tokens = tokens * parallel.tp,
                             .absorbed = work.answers() > 0,
                             .expert_rows = rows,
                             .in_place = builder.routing().padded(),
                             .sampled = (tokens - of_prompts + prompts) * parallel.tp,
                             .tp = parallel.tp,
                             .etp = parallel.etp});
  };
}

MemoryRequest memory_request(const Scenario& scenario, const Placement& placement,
                             const LayerBuilder& builder,
                             const std::optional<OffloadSizes>& offload, const ExpertLoad* load) {
  const Cluster& cluster = *scenario.cluster;
  return {.model = scenario.model,
          .parallel = scenario.grid->parallel(),
          .workload = scenario.workload,
          .slots = offload ? IdVector<GpuId, int>(cluster.gpus(), offload->all_slots)
                           : slots_per_gpu(placement, *scenario.grid, scenario.model),
          .buffers =
              [&builder, slots = most_slots(placement)](int tokens_per_gpu) {
                return builder.routing().exchange_buffers(tokens_per_gpu, slots);
              },
          .buffer_limit = builder.routing().buffer_limit(),
          .activations = activations_of(scenario, builder, &placement, load),
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
