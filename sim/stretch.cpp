#include "sim/stretch.hpp"

#include <algorithm>

#include "sim/domain_trace.hpp"
#include "sim/event_report.hpp"
#include "sim/live_placement.hpp"
#include "sim/rebalance/migration.hpp"

namespace moesim {
namespace {

// Creates the trace and checks that it fits the model. Throws InputError.
std::unique_ptr<Trace> open_trace(const Scenario& scenario) {
  std::unique_ptr<Trace> trace = trace_of_classes(scenario);
  Mistakes mistakes;
  trace->fit(scenario.model, mistakes);
  mistakes.throw_if_any();
  return trace;
}

// What the maps and the copies that are made during the run want to see of the routes.
RoutingDetail detail_for_copies(const Scenario& scenario, const EventTimeline& timeline) {
  if (offload_detail(scenario) == RoutingDetail::kIds) return RoutingDetail::kIds;
  const RoutingDetail failures = Failover::needs(scenario, timeline);
  if (Registry<Rebalance>::make(scenario.rebalance)->idle()) return failures;
  const auto maps = placement_policy(online_placement(scenario), *scenario.grid);
  return maps->needs().pairs() ? RoutingDetail::kIds : failures;
}

Placement make_placement(const Scenario& scenario, const Trace& trace, const PlacementRequest& site,
                         ExpertLoad& load) {
  const auto policy = placement_policy(scenario.placement, *scenario.grid);
  const PlacementRequest request =
      request_for(site, offline_window(scenario, trace, policy->needs()));
  load = request.load;
  return policy->place(request);
}

// Indices of the events that expand experts, by their steps.
std::vector<std::size_t> expansions_of(const EventTimeline& timeline) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < timeline.events().size(); ++i)
    if (timeline.events()[i]->expansion() != nullptr) found.push_back(i);
  std::stable_sort(found.begin(), found.end(), [&](std::size_t a, std::size_t b) {
    return timeline.events()[a]->expansion()->at < timeline.events()[b]->expansion()->at;
  });
  return found;
}

// The map as one of the experts before: every child is a copy of its parent.
LayerPlacement of_parents(LayerPlacement map, int children) {
  IdVector<ExpertId, std::vector<SlotId>> slots_of(map.experts() / children);
  for (const ExpertId child : map.slots_of.ids())
    for (const SlotId slot : map.slots_of[child])
      slots_of[ExpertId(child.value / children)].push_back(slot);
  for (std::vector<SlotId>& slots : slots_of) std::sort(slots.begin(), slots.end());
  for (ExpertId& expert : map.expert_of) expert = ExpertId(expert.value / children);
  map.slots_of = std::move(slots_of);
  return map;
}

const Expansion& expansion_at(const EventTimeline& timeline, int step) {
  const Expansion* found = nullptr;
  for (const auto& event : timeline.events())
    if (event->expansion() != nullptr && event->expansion()->at == timeline.shown_step(step))
      found = event->expansion();
  MOESIM_CHECK(found != nullptr, "only expansions begin a stretch");
  return *found;
}

}  // namespace

Stretch::Stretch(const Scenario& whole, int first, std::unique_ptr<Trace> routes,
                 const CostModel& cost, std::function<void(const Span&)> span)
    : scenario(whole),
      first_step(first),
      timeline(scenario),
      trace(std::move(routes)),
      builder(scenario, *trace, cost, timeline, detail_for_copies(scenario, timeline)),
      site(placement_site(scenario, builder)),
      placement(make_placement(scenario, *trace, site, load)),
      sizes(offload_sizes(scenario, *trace, builder, placement)),
      failover(scenario, timeline, site, {.load = load}),
      rebalancer(
          scenario, cost, site, placement,
          [this](int from, int steps, const WindowNeeds& needs) {
            return builder.routing().routed_window(from, steps, needs, *rebalancer.placement());
          },
          std::move(span)) {
  Placement start = failover.first(placement, first_step);
  if (std::vector<GpuId> dead = timeline.at(first_step).dead_gpus(); !dead.empty())
    rebalancer.adopt(first_step - 1, std::move(start), std::move(dead));
}

Stretches make_stretches(const Scenario& scenario, const CostModel& cost,
                         const std::function<void(const Span&)>& span) {
  const EventTimeline timeline(scenario);
  Stretches stretches;
  const std::vector<std::size_t> expansions = expansions_of(timeline);
  for (std::size_t count = 0; count <= expansions.size(); ++count) {
    const int first = count == 0 ? 0
                                 : timeline.events()[expansions[count - 1]]->expansion()->at +
                                       scenario.workload.warmup_steps;
    if (first >= scenario.workload.warmup_steps + scenario.workload.steps) break;
    Scenario own = scenario;
    std::unique_ptr<Trace> trace = timeline.changed(open_trace(scenario));
    for (std::size_t i = 0; i < count; ++i) {
      const Event& event = *timeline.events()[expansions[i]];
      trace =
          event.expanded(std::move(trace), own.model.experts, timeline.random_of(expansions[i]));
      own.model.experts *= event.expansion()->children;
    }
    stretches.push_back(std::make_unique<Stretch>(own, first, std::move(trace), cost, span));
  }
  return stretches;
}

TaskGraph enter_stretch(const Stretch& before, Stretch& next) {
  const Expansion& expansion = expansion_at(next.timeline, next.first_step);
  const Cluster& cluster = *next.scenario.cluster;
  const auto gpus = static_cast<std::size_t>(cluster.gpus());
  const std::vector<GpuId> dead = next.timeline.at(next.first_step).dead_gpus();
  const Placement &old = *before.rebalancer.placement(), &map = *next.rebalancer.placement();
  ByteMatrix bytes(gpus, gpus);
  for (const LayerId layer : map.layers.ids()) {
    const LayerPlacement parents = of_parents(map.layers[layer], expansion.children);
    const auto moves = plan_migration(without_gpus(old.layers[layer], dead), parents,
                                      [&](GpuId gpu) { return cluster.node_of(gpu); });
    add_bytes(bytes, migration_bytes(moves, parents, expert_bytes(next.scenario.model)));
  }
  const MovedBytes moved = moved_by(bytes, cluster);
  next.failover.begin({.step = next.timeline.shown_step(next.first_step),
                       .live_gpus = cluster.gpus() - static_cast<int>(dead.size()),
                       .pause_s = 0,
                       .local_bytes = moved.local,
                       .nvlink_bytes = moved.nvlink,
                       .network_bytes = moved.network});
  const std::vector<GpuId> live = live_gpus(cluster.gpus(), dead);
  Compute planning{.time = IdVector<GpuId, KernelTime>(gpus), .phase = Phase::kMigration};
  for (const GpuId gpu : live) planning.time[gpu].memory = expansion.planning;
  TaskGraph graph{.step = next.first_step};
  const int planned = graph.add(std::move(planning), {}, "planning");
  graph.add(stopped_copies(std::move(bytes), live, expansion.link_efficiency), {planned},
            "expansion");
  return graph;
}

MemoryRequest memory_request(const Stretch& stretch) {
  // What a GPU's cache leaves for activations was reckoned with even loads.
  return memory_request(stretch.scenario, stretch.placement, stretch.builder, stretch.sizes,
                        stretch.sizes ? nullptr : &stretch.load);
}

void report_stretches(const Stretches& stretches, RunResult& result) {
  const int warmup = stretches.front()->scenario.workload.warmup_steps;
  std::vector<RecoveryRecord> recoveries;
  for (const auto& stretch : stretches) {
    RunResult own{.steps = result.steps};
    for (StepRecord& step : own.steps) step.migration_bytes = 0;
    stretch->rebalancer.report(warmup, own);
    for (RebalanceRecord& record : own.rebalances) result.rebalances.push_back(std::move(record));
    for (std::size_t i = 0; i < own.steps.size(); ++i)
      result.steps[i].migration_bytes += own.steps[i].migration_bytes;
    const auto& records = stretch->failover.records();
    recoveries.insert(recoveries.end(), records.begin(), records.end());
  }
  report_events(
      [&](int shown_step) -> const EventTimeline& {
        const Stretch* in = stretches.front().get();
        for (const auto& stretch : stretches)
          if (shown_step + warmup >= stretch->first_step) in = stretch.get();
        return in->timeline;
      },
      std::move(recoveries), result);
}

}  // namespace moesim
