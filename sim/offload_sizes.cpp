#include "sim/offload_sizes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "sim/base/check.hpp"
#include "sim/offload_profile.hpp"
#include "sim/rebalance/rebalance.hpp"
#include "sim/run_memory.hpp"

namespace moesim {
namespace {

void check_scenario(const Scenario& scenario, const Placement& placement) {
  const Spot& spot = scenario.cache.spot;
  if (!scenario.grid->plain())
    throw InputError(spot, "experts are offloaded with one expert-parallel group of all GPUs only",
                     "leave out parallel.tp, pp and etp, and let ep be all GPUs");
  if (!Registry<Rebalance>::make(scenario.rebalance)->idle())
    throw InputError(spot, "experts cannot both move between GPUs and be offloaded",
                     "say rebalance: none, or cache: none");
  if (scenario.step_placement.kind != "none")
    throw InputError(spot, "experts cannot both travel during a step and be offloaded",
                     "say step_placement: none, or cache: none");
  for (const LayerPlacement& layer : placement.layers)
    if (layer.slots() > layer.experts())
      throw InputError(spot, "replicas of experts cannot be offloaded",
                       "say placement.redundant: 0");
}

// Of a GPU, for experts alone.
Bytes room_for_experts(const Scenario& scenario, const Placement& placement,
                       const LayerBuilder& builder, const OffloadSizes& sizes) {
  const MemoryUse use = memory_use(memory_request(scenario, placement, builder, sizes), GpuId(0));
  return Bytes(std::max(0.0, use.capacity.value - use.total().value));
}

void set_slots(const CacheOptions& options, Bytes room, int layers, int most_of_a_layer,
               OffloadSizes& sizes) {
  const bool by_layer = options.scope == CacheScope::kLayer;
  const double fit = std::floor(options.memory.value_or(room).value / sizes.expert.value);
  const int pools = by_layer ? layers : 1;
  sizes.slots = options.slots.value_or(static_cast<int>(std::min(fit, 1e9)) / pools);
  sizes.slots = std::min(sizes.slots, by_layer ? most_of_a_layer : sizes.experts);
  sizes.all_slots = sizes.slots * pools;
}

// The experts of a node's GPUs lie in its memory, as far as it reaches.
IdMatrix<LayerId, ExpertId, Store> stores(const Scenario& scenario, const Placement& placement,
                                          Bytes expert, const Trace& trace) {
  const MoeModel& model = scenario.model;
  const Cluster& cluster = *scenario.cluster;
  IdMatrix<LayerId, ExpertId, Store> store(model.moe_layer_count(), model.experts, Store::kHost);
  const std::optional<Bytes> memory = cluster.host()->memory;
  if (!memory) return store;
  std::vector<ExpertKey> order;
  for (const LayerId layer : store.row_ids())
    for (const ExpertId id : store.column_ids()) order.push_back({layer, id});
  const ExpertLoad load = offload_profile(scenario, trace, {.load = true}).load;
  std::stable_sort(order.begin(), order.end(), [&](const ExpertKey& a, const ExpertKey& b) {
    return load(a.layer, a.expert) > load(b.layer, b.expert);
  });
  IdVector<NodeId, double> left(cluster.nodes(), memory->value);
  for (const ExpertKey key : order) {
    const LayerPlacement& slots = placement.layers[key.layer];
    const GpuId gpu = slots.gpu_of(slots.slots_of[key.expert].front());
    double& room = left[cluster.node_of(gpu)];
    if (room < expert.value) store(key.layer, key.expert) = Store::kDisk;
    room -= expert.value;
  }
  return store;
}

}  // namespace

RoutingDetail offload_detail(const Scenario& scenario) {
  const Arguments& cache = scenario.cache.arguments;
  return scenario.cache.kind != "none" && cache.has("low_dtype") ? RoutingDetail::kIds
                                                                 : RoutingDetail::kCounts;
}

std::optional<OffloadSizes> offload_sizes(const Scenario& scenario, const Trace& trace,
                                          const LayerBuilder& builder, const Placement& placement) {
  if (Registry<Cache>::make(scenario.cache)->idle()) return std::nullopt;
  check_scenario(scenario, placement);
  const CacheOptions options = read_cache_options(scenario.cache.arguments);
  const MoeModel& model = scenario.model;
  OffloadSizes sizes{.expert = expert_bytes(model), .scope = options.scope};
  MoeModel low = model;
  if (!options.low_dtype.empty()) low.expert_dtype = dtype_of(options.low_dtype);
  sizes.low = expert_bytes(low);
  if (!options.low_dtype.empty() && !(sizes.low < sizes.expert))
    throw InputError(scenario.cache.arguments.spot("low_dtype"),
                     fmt::format("experts of {} are no smaller than those of {}", options.low_dtype,
                                 to_string(model.expert_dtype)));
  int most_of_a_layer = 0;
  for (const GpuId gpu : IdRange<GpuId>(scenario.cluster->gpus())) {
    int all = 0;
    for (const LayerPlacement& layer : placement.layers) {
      const int own = layer.first_slot[gpu.index() + 1] - layer.first_slot[gpu.index()];
      most_of_a_layer = std::max(most_of_a_layer, own);
      all += own;
    }
    sizes.experts = std::max(sizes.experts, all);
  }
  set_slots(options, room_for_experts(scenario, placement, builder, sizes), model.moe_layer_count(),
            most_of_a_layer, sizes);
  sizes.store = stores(scenario, placement, sizes.expert, trace);
  return sizes;
}

Seconds cpu_time(const Scenario& scenario, int rows) {
  const MoeModel& model = scenario.model;
  const Cluster& cluster = *scenario.cluster;
  const HostSpec& host = *cluster.host();
  const double gpus = 1.0 * cluster.gpus() / cluster.nodes();
  const double flops = 2.0 * model.expert_matrices * model.hidden * model.expert_width * rows;
  const Seconds compute(flops * gpus / host.cpu.value);
  const Seconds read = expert_bytes(model) * gpus / host.memory_bandwidth;
  const Bytes activations(2.0 * model.hidden * rows);  // at 16 bits
  return std::max(compute, read) + 2 * (host.latency + activations / host.bandwidth);
}

Seconds fetch_time(const Cluster& cluster, Store from, Bytes size) {
  const Route route = cluster.store_route(GpuId(0), from, Store::kGpu);
  Seconds longest;
  for (int hop = 0; hop < route.count; ++hop)
    longest = std::max(longest,
                       size / cluster.link(route.links[static_cast<std::size_t>(hop)]).bandwidth);
  return route.latency + longest;
}

}  // namespace moesim
