#include "sim/layer_routing.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "sim/base/check.hpp"
#include "sim/exchange/group_exchange.hpp"

namespace moesim {
namespace {

constexpr double kMostRoutesByIds = 4e6;  // a step; above, `routing: auto` draws counts

RoutingDetail choose_detail(const Scenario& scenario, RoutingDetail needed,
                            RoutingDetail preferred) {
  switch (scenario.workload.routing) {
    case RoutingChoice::kIds:
      return std::max(needed, RoutingDetail::kIds);
    case RoutingChoice::kCounts:
      return needed;
    case RoutingChoice::kAuto:
      break;
  }
  const double routes = static_cast<double>(scenario.workload.tokens_per_gpu) *
                        scenario.grid->stage_gpus() * scenario.model.top_k *
                        scenario.model.moe_layer_count();
  return routes <= kMostRoutesByIds ? std::max(needed, preferred) : needed;
}

double row_sum(const IdMatrix<GpuId, SlotId, int>& routes, SlotId slot) {
  double sum = 0;
  for (GpuId source : routes.row_ids()) sum += routes(source, slot);
  return sum;
}

// Rows of each slot: routes, and what padding adds, shared evenly by an expert's replicas, up to a
// multiple.
std::vector<int> slot_rows(const Assignment& assignment, const ExpertCounts& padding,
                           const LayerPlacement& placement, int multiple) {
  std::vector<int> rows(static_cast<std::size_t>(placement.slots()));
  for (SlotId slot : IdRange<SlotId>(placement.slots())) {
    double count = row_sum(assignment.routes, slot);
    if (!padding.empty()) {
      const ExpertId expert = placement.expert_of[slot];
      double extra = 0;
      for (GpuId source : padding.row_ids()) extra += padding(source, expert);
      count += extra / static_cast<double>(placement.slots_of[expert].size());
    }
    const int exact = static_cast<int>(std::lround(count));
    rows[slot.index()] = (exact + multiple - 1) / multiple * multiple;
  }
  return rows;
}

void count_bytes(const Exchange& exchange, const Cluster& cluster, LayerLoad& load) {
  for (const ExchangeLeg& leg : exchange.legs) {
    for (GpuId source : leg.bytes.row_ids()) {
      const auto row = leg.bytes.row(source);
      for (GpuId target : leg.bytes.column_ids()) {
        const double bytes = row[target.index()];
        if (bytes <= 0 || source == target) continue;
        (cluster.same_domain(source, target) ? load.nvlink_bytes : load.network_bytes) += bytes;
      }
    }
  }
}

}  // namespace

// One expert-parallel group, its GPUs numbered by rank.
struct LayerRouting::Group {
  Admission admission;
  std::optional<ExchangePlan> plan;
  std::vector<int> rows;  // of each slot
};

LayerRouting::LayerRouting(const Scenario& scenario, const Trace& trace, const CostModel& cost,
                           RoutingDetail also_needed)
    : scenario_(scenario),
      cost_(cost),
      grid_(*scenario.grid),
      gated_(scenario, trace, Registry<Gate>::make(scenario.gate)),
      capacity_(Registry<Capacity>::make(scenario.capacity)),
      replica_(Registry<Replica>::make(scenario.replica)),
      exchange_(Registry<ExchangePolicy>::make(scenario.exchange)),
      tokens_(static_cast<std::size_t>(grid_.stage_gpus()), scenario.workload.tokens_per_gpu) {
  detail_ = choose_detail(
      scenario, std::max({gate().needs(), capacity_->needs(), replica_->needs(), also_needed}),
      exchange_->prefers());
}

int LayerRouting::stage_of(LayerId moe_layer) const {
  return grid_.stage_of_layer(scenario_.model.moe_layers[moe_layer.index()],
                              scenario_.model.layers);
}

LayerRouting::Group LayerRouting::route_group(int step, LayerId layer,
                                              const LayerPlacement& placement,
                                              const ExpertGroup& group, Routing routing) const {
  const Random random(scenario_.seed);
  const StepId step_id(step);
  Group routed;
  routed.admission = capacity_->admit(std::move(routing), {.model = scenario_.model,
                                                           .step = step_id,
                                                           .layer = layer,
                                                           .random = random,
                                                           .placement = &placement});
  const Admission& admission = routed.admission;
  const Assignment assignment =
      replica_->assign({admission.routing, placement, *group.cluster, step_id, layer, random});
  routed.rows = slot_rows(assignment, admission.padding, placement, admission.row_multiple);
  const bool exchanges = grid_.parallel().scattered && (grid_.plain() || group.members.size() > 1);
  if (!exchanges) return routed;
  routed.plan = exchange_->plan({.routing = admission.routing,
                                 .assignment = assignment,
                                 .placement = placement,
                                 .cluster = *group.cluster,
                                 .model = scenario_.model,
                                 .cost = cost_,
                                 .padding = admission.padding,
                                 .schedule = scenario_.network.schedule,
                                 .rule = scenario_.network.routing});
  for (Exchange* exchange : {&routed.plan->dispatch, &routed.plan->combine}) {
    exchange->coupling = scenario_.network.coupling.value_or(exchange->coupling);
    exchange->wait_for = scenario_.network.wait_for.value_or(exchange->wait_for);
  }
  return routed;
}

void LayerRouting::merge(Group group, const ExpertGroup& where, const LayerPlacement& placement,
                         RoutedLayer& routed) const {
  Admission& admission = group.admission;
  LayerLoad& load = routed.load;
  load.routes += admission.routes;
  load.dropped_routes += admission.dropped_routes;
  load.dropped_tokens =
      admission.dropped_tokens < 0 ? -1 : load.dropped_tokens + admission.dropped_tokens;
  load.rerouted_routes += admission.rerouted_routes;
  load.rows += admission.row_multiple > 1
                   ? std::accumulate(group.rows.begin(), group.rows.end(), std::int64_t{0})
                   : admission.rows;
  const int shards = grid_.parallel().etp;
  for (const SlotId slot : IdRange<SlotId>(placement.slots())) {
    const GpuId rank = placement.gpu_of(slot);
    const auto local = slot.index() - static_cast<std::size_t>(placement.first_slot[rank.index()]);
    // Every shard of the rank computes a slice of the rows that came to any of them.
    const int first = where.members[rank.index()].value / shards * shards;
    for (int shard = 0; shard < shards; ++shard)
      routed.rows[GpuId(first + shard)][local] += group.rows[slot.index()];
  }
  for (std::size_t rank = 0; rank < where.members.size(); ++rank)
    routed.received[where.members[rank]] =
        group.plan ? group.plan->received_tokens[GpuId(static_cast<int>(rank))]
                   : admission.routing.tokens_of(GpuId(static_cast<int>(rank)));
  if (group.plan) {
    add_group(std::move(group.plan->dispatch), grid_, where, routed.dispatch);
    add_group(std::move(group.plan->combine), grid_, where, routed.combine);
  }
  append_by_rank(std::move(admission.routing), load.routing);
}

RoutedLayer LayerRouting::route(int step, LayerId layer, const LayerPlacement& placement) const {
  const int stage = stage_of(layer);
  const Cluster& cluster = *scenario_.cluster;
  GateResult gated = gated_.route(StepId(step), layer, placement, tokens_, detail_);
  RoutedLayer routed{.rows = IdVector<GpuId, std::vector<int>>(cluster.gpus()),
                     .received = IdVector<GpuId, double>(cluster.gpus())};
  const GpuId first(stage * grid_.stage_gpus());
  for (const GpuId gpu : IdRange<GpuId>(cluster.gpus())) {
    if (grid_.stage_of(gpu) != stage) continue;
    const auto rank = static_cast<std::size_t>(grid_.rank_of(gpu));
    routed.rows[gpu].resize(
        static_cast<std::size_t>(placement.first_slot[rank + 1] - placement.first_slot[rank]));
  }
  for (const ExpertGroup& group : grid_.expert_groups(stage)) {
    Routing own =
        grid_.plain() ? std::move(gated.routing) : routing_of(gated.routing, group.members, first);
    merge(route_group(step, layer, placement, group, std::move(own)), group, placement, routed);
  }
  LayerLoad& load = routed.load;
  load.first_gpu = first.value;
  load.gate = std::move(gated.record);
  load.tokens = std::accumulate(tokens_.begin(), tokens_.end(), std::int64_t{0});
  for (const std::int64_t count : expert_load(load.routing.counts))
    load.expert.push_back(static_cast<double>(count));
  for (int gpu = 0; gpu < grid_.stage_gpus(); ++gpu) {
    const std::vector<int>& rows = routed.rows[GpuId(first.value + gpu)];
    load.gpu.push_back(std::accumulate(rows.begin(), rows.end(), 0.0));
  }
  routed.usual_rows =
      std::accumulate(load.gpu.begin(), load.gpu.end(), 0.0) /
      (static_cast<double>(placement.slots()) * grid_.expert_replicas() * grid_.parallel().etp);
  if (routed.dispatch) count_bytes(*routed.dispatch, cluster, load);
  if (routed.combine) count_bytes(*routed.combine, cluster, load);
  return routed;
}

ExpertLoad LayerRouting::routed_load(int step, const Placement& placement) const {
  const MoeModel& model = scenario_.model;
  ExpertLoad load(model.moe_layer_count(), model.experts);
  for (const LayerId layer : load.row_ids()) {
    const Routing routing =
        gated_.route(StepId(step), layer, placement.layers[layer], tokens_, detail_).routing;
    const auto counts = expert_load(routing.counts);
    for (const ExpertId expert : counts.ids())
      load(layer, expert) = static_cast<double>(counts[expert]);
  }
  return load;
}

Bytes LayerRouting::exchange_buffers(int tokens_per_gpu) const {
  return exchange_->buffer_bytes(scenario_.model, *grid_.ranks_cluster(), tokens_per_gpu);
}

}  // namespace moesim
