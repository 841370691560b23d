#include "sim/layer_routing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "sim/base/check.hpp"
#include "sim/exchange/group_exchange.hpp"
#include "sim/peer_turns.hpp"
#include "sim/slot_rows.hpp"

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
                        scenario.grid->attention_gpus() * scenario.model.top_k *
                        scenario.model.moe_layer_count();
  return routes <= kMostRoutesByIds ? std::max(needed, preferred) : needed;
}

}  // namespace

// One expert-parallel group, its GPUs numbered by rank.
struct LayerRouting::Group {
  Admission admission;
  std::optional<BatchCopies> copies;
  Assignment assignment;  // to the slots of `copies`, if there are any
  std::optional<ExchangePlan> plan;
  std::vector<int> rows;  // of each slot
};

LayerRouting::LayerRouting(const Scenario& scenario, const Trace& trace, const CostModel& cost,
                           const EventTimeline& timeline, RoutingDetail also_needed)
    : scenario_(scenario),
      cost_(cost),
      grid_(*scenario.grid),
      timeline_(timeline),
      gated_(scenario, trace, timeline, Registry<Gate>::make(scenario.gate)),
      capacity_(Registry<Capacity>::make(scenario.capacity)),
      replica_(Registry<Replica>::make(scenario.replica)),
      exchange_(Registry<ExchangePolicy>::make(scenario.exchange)),
      copier_(scenario, cost),
      tokens_(grid_.brought(scenario.workload.tokens_per_gpu)) {
  detail_ = choose_detail(scenario,
                          std::max({gate().needs(), capacity_->needs(), replica_->needs(),
                                    timeline.needs(), also_needed}),
                          exchange_->prefers());
}

Admission LayerRouting::admit(int step, LayerId layer, const LayerPlacement& placement,
                              Routing routing) const {
  return capacity_->admit(std::move(routing), {.model = scenario_.model,
                                               .step = StepId(step),
                                               .layer = layer,
                                               .random = Random(scenario_.seed),
                                               .placement = &placement,
                                               .factor = timeline_.at(step).capacity_factor});
}

ExpertCounts LayerRouting::admitted_counts(int step, LayerId layer,
                                           const LayerPlacement& placement) const {
  GatedRoutes routes = gated_.route(StepId(step), layer, placement, tokens_, detail_);
  return admit(step, layer, placement, std::move(routes.result.routing)).routing.counts;
}

LayerRouting::Group LayerRouting::assign(int step, LayerId layer, const LayerPlacement& resident,
                                         const ExpertGroup& group, Routing routing) const {
  Group routed{.admission = admit(step, layer, resident, std::move(routing))};
  const Routing& admitted = routed.admission.routing;
  routed.assignment = replica_->assign(
      {admitted, resident, *group.cluster, StepId(step), layer, Random(scenario_.seed)});
  routed.copies =
      copier_.copies(step, layer, routed.assignment, resident, admitted,
                     [&](int other, LayerId of) { return admitted_counts(other, of, resident); });
  if (routed.copies) routed.assignment = std::move(routed.copies->layer.assignment);
  routed.assignment.padding = padding_of_slots(
      routed.admission.padding, routed.copies ? routed.copies->layer.placement : resident);
  return routed;
}

// `admitted`: all routes of the group, of which the assignment may have a part.
void LayerRouting::plan(const LayerPlacement& resident, const ExpertGroup& group,
                        const Routing& admitted, Group& routed) const {
  routed.rows = slot_rows(routed.assignment, routed.admission.row_multiple);
  const bool exchanges = grid_.parallel().scattered && group.members.size() > 1;
  if (!exchanges) return;
  routed.plan =
      exchange_->plan({.routing = admitted,
                       .assignment = routed.assignment,
                       .placement = routed.copies ? routed.copies->layer.placement : resident,
                       .cluster = *group.cluster,
                       .model = scenario_.model,
                       .cost = cost_,
                       .schedule = scenario_.network.schedule,
                       .rule = scenario_.network.routing});
  for (Exchange* exchange : {&routed.plan->dispatch, &routed.plan->combine}) {
    exchange->coupling = scenario_.network.coupling.value_or(exchange->coupling);
    exchange->wait_for = scenario_.network.wait_for.value_or(exchange->wait_for);
  }
}

// Leaves the rows of resident slots in the group. Experts travel in plain grids only, where ranks
// are GPUs.
void LayerRouting::take_copies(Group& group, RoutedLayer& routed) const {
  const ExtendedLayer& layer = group.copies->layer;
  std::vector<int> resident;
  for (const SlotId slot : layer.placement.expert_of.ids()) {
    const int rows = group.rows[slot.index()];
    const GpuId gpu = layer.placement.gpu_of(slot);
    const bool travels = layer.temporary[slot.index()];
    (travels ? routed.copy_rows[gpu] : resident).push_back(rows);
    if (travels)
      routed.load.on_gpu.push_back({gpu.value, layer.placement.expert_of[slot].value, 1.0 * rows});
  }
  group.rows = std::move(resident);
  routed.load.travelling_experts = group.copies->experts;
  routed.load.copies = group.copies->on_gpu.raw();
  routed.load.migration_bytes = group.copies->weights.bytes;
  routed.copies = std::move(group.copies);
}

void LayerRouting::merge(Group group, const ExpertGroup& where, const LayerPlacement& resident,
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
  if (group.copies) take_copies(group, routed);
  const int shards = grid_.parallel().etp;
  for (const SlotId slot : IdRange<SlotId>(resident.slots())) {
    const GpuId rank = resident.gpu_of(slot);
    const auto local = slot.index() - static_cast<std::size_t>(resident.first_slot[rank.index()]);
    // Every shard of the rank computes a slice of the rows that came to any of them.
    const int first = where.members[rank.index()].value / shards * shards;
    for (int gpu = first, rows = group.rows[slot.index()]; gpu < first + shards; ++gpu) {
      routed.rows[GpuId(gpu)][local] += rows;
      load.on_gpu.push_back({gpu, resident.expert_of[slot].value, 1.0 * rows});
    }
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

std::vector<RoutedLayer> LayerRouting::route(int step, LayerId layer,
                                             const LayerPlacement& placement,
                                             const MicroBatches& batches) const {
  auto [gated, masked] = gated_.route(StepId(step), layer, placement, tokens_, detail_);
  const std::int64_t served = gated.routing.tokens();
  std::vector<RoutedLayer> routed;
  if (batches.peer_group > 0) {
    routed = route_turns(step, layer, placement, std::move(gated.routing), batches.peer_group);
  } else if (batches.tokens.size() == 1) {
    routed.push_back(route_batch(step, layer, placement, std::move(gated.routing)));
  } else {
    TokenRanges all(gated.routing.gpus());
    for (const GpuId gpu : all.ids()) all[gpu].tokens = gated.routing.tokens_of(gpu);
    for (std::size_t batch = 0; batch < batches.tokens.size(); ++batch)
      routed.push_back(
          route_batch(step, layer, placement,
                      tokens_between(gated.routing, tokens_of_batch(all, batches, batch))));
  }
  LayerLoad& load = routed.front().load;
  load.gate = std::move(gated.record);
  load.masked = masked;
  load.dead = timeline_.at(step).dead_gpus();
  load.lost_tokens = std::accumulate(tokens_.begin(), tokens_.end(), std::int64_t{0}) - served;
  load.moved_tokens = -load.lost_tokens;
  for (const GpuId dead : load.dead) load.moved_tokens += tokens_[dead.index()];
  return routed;
}

// Only the first turn has the load of the layer's tokens, and the weights of experts that travel.
std::vector<RoutedLayer> LayerRouting::route_turns(int step, LayerId layer,
                                                   const LayerPlacement& placement, Routing routing,
                                                   int group) const {
  const ExpertGroup& all = grid_.expert_groups(0).front();  // of a plain grid
  const std::int64_t tokens = routing.tokens();
  const Group whole = assign(step, layer, placement, all, std::move(routing));
  const Routing& admitted = whole.admission.routing;
  const LayerPlacement& slots = whole.copies ? whole.copies->layer.placement : placement;
  std::vector<RoutedLayer> turns;
  for (int turn = 0; turn < grid_.ranks() / group; ++turn) {
    Group own{.copies = whole.copies,
              .assignment = assignment_of_turn(whole.assignment, admitted, slots, group, turn)};
    if (turn == 0) own.admission = whole.admission;
    if (turn > 0 && own.copies) own.copies->weights = {};
    own.admission.row_multiple = whole.admission.row_multiple;
    plan(placement, all, admitted, own);
    turns.push_back(begun(layer, placement));
    turns.back().load.tokens = turn == 0 ? tokens : 0;
    merge(std::move(own), all, placement, turns.back());
    finish(placement, turns.back());
  }
  return turns;
}

RoutedLayer LayerRouting::begun(LayerId layer, const LayerPlacement& placement) const {
  const int stage = grid_.stage_of(layer, scenario_.model);
  const Cluster& cluster = *scenario_.cluster;
  RoutedLayer routed{.rows = IdVector<GpuId, std::vector<int>>(cluster.gpus()),
                     .received = IdVector<GpuId, double>(cluster.gpus()),
                     .copy_rows = IdVector<GpuId, std::vector<int>>(cluster.gpus())};
  for (const GpuId gpu : IdRange<GpuId>(cluster.gpus())) {
    if (grid_.stage_of(gpu) != stage) continue;
    const auto rank = static_cast<std::size_t>(grid_.rank_of(gpu));
    routed.rows[gpu].resize(
        static_cast<std::size_t>(placement.first_slot[rank + 1] - placement.first_slot[rank]));
  }
  routed.load.first_gpu = stage * grid_.stage_gpus() + grid_.parallel().attention_gpus;
  return routed;
}

void LayerRouting::finish(const LayerPlacement& placement, RoutedLayer& routed) const {
  LayerLoad& load = routed.load;
  for (const std::int64_t count : expert_load(load.routing.counts))
    load.expert.push_back(static_cast<double>(count));
  const int holders = grid_.stage_gpus() - grid_.parallel().attention_gpus;
  for (int gpu = load.first_gpu; gpu < load.first_gpu + holders; ++gpu)
    load.gpu.push_back(routed.rows_on(GpuId(gpu)));
  routed.usual_rows =
      std::accumulate(load.gpu.begin(), load.gpu.end(), 0.0) /
      (static_cast<double>(placement.slots()) * grid_.expert_replicas() * grid_.parallel().etp);
  if (routed.dispatch) count_bytes(*routed.dispatch, *scenario_.cluster, load);
  if (routed.combine) count_bytes(*routed.combine, *scenario_.cluster, load);
}

RoutedLayer LayerRouting::route_batch(int step, LayerId layer, const LayerPlacement& placement,
                                      Routing routing) const {
  const int stage = grid_.stage_of(layer, scenario_.model);
  RoutedLayer routed = begun(layer, placement);
  routed.load.tokens = routing.tokens();
  const GpuId first(stage * grid_.stage_gpus());
  for (const ExpertGroup& group : grid_.expert_groups(stage)) {
    Group own =
        assign(step, layer, placement, group,
               grid_.plain() ? std::move(routing) : routing_of(routing, group.members, first));
    plan(placement, group, own.admission.routing, own);
    merge(std::move(own), group, placement, routed);
  }
  finish(placement, routed);
  return routed;
}

Routing LayerRouting::by_rank(Routing routing, int stage) const {
  if (grid_.plain()) return routing;
  Routing all;
  for (const ExpertGroup& group : grid_.expert_groups(stage))
    append_by_rank(routing_of(routing, group.members, GpuId(stage * grid_.stage_gpus())), all);
  return all;
}

LoadWindow LayerRouting::routed_window(int first, int steps, const WindowNeeds& needs,
                                       const Placement& placement) const {
  const MoeModel& model = scenario_.model;
  WindowCounter counter(needs, model.moe_layer_count(), model.experts);
  for (int step = first; step < first + steps; ++step) {
    counter.begin_step();
    for (const LayerId layer : placement.layers.ids()) {
      auto routes = gated_.route(StepId(step), layer, placement.layers[layer], tokens_, detail_);
      counter.add(
          layer, by_rank(std::move(routes.result.routing), grid_.stage_of(layer, scenario_.model)));
    }
  }
  return counter.window();
}

Bytes LayerRouting::exchange_buffers(int tokens_per_gpu, int slots) const {
  return exchange_->buffer_bytes(scenario_.model, *grid_.ranks_cluster(), tokens_per_gpu, slots);
}

}  // namespace moesim
