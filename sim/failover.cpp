#include "sim/failover.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/base/check.hpp"
#include "sim/live_placement.hpp"
#include "sim/rebalance/migration.hpp"

namespace moesim {
namespace {

Choice policy_of(const Scenario& scenario, const Recovery& recovery) {
  return recovery.placement.kind.empty() ? scenario.placement : recovery.placement;
}

WindowNeeds needs_of(const Scenario& scenario, const EventTimeline& timeline) {
  WindowNeeds all;
  for (const auto& event : timeline.events()) {
    if (event->recovery() == nullptr) continue;
    const WindowNeeds own =
        Registry<PlacementPolicy>::make(policy_of(scenario, *event->recovery()))->needs();
    all.steps = std::max(all.steps, own.steps);
    all.sources |= own.sources;
    all.coactivation |= own.coactivation;
    all.transitions |= own.transitions;
  }
  return all;
}

}  // namespace

Failover::Failover(const Scenario& scenario, EventTimeline& timeline, PlacementRequest site,
                   LoadWindow known)
    : scenario_(scenario),
      timeline_(timeline),
      site_(std::move(site)),
      known_(std::move(known)),
      step_load_(scenario.model.moe_layer_count(), scenario.model.experts) {
  int window = 1;
  for (const auto& event : timeline.events()) {
    if (event->recovery() == nullptr) continue;
    idle_ = false;
    window = std::max(window, event->recovery()->window);
  }
  if (idle_) return;
  seen_.emplace(RebalanceOptions{.estimator = Estimator::kWindow, .window = window},
                needs_of(scenario, timeline), scenario.model.moe_layer_count(),
                scenario.model.experts, [](int, int, const WindowNeeds&) { return LoadWindow(); });
}

RoutingDetail Failover::needs(const Scenario& scenario, const EventTimeline& timeline) {
  return needs_of(scenario, timeline).pairs() ? RoutingDetail::kIds : RoutingDetail::kCounts;
}

Placement Failover::first(Placement placement, int step) {
  if (idle_) return placement;
  usual_slots_ = slots_of_live_gpu(placement, scenario_.model.experts, site_.gpus);
  check_all();
  dead_ = timeline_.at(step).dead_gpus();
  return dead_.empty() ? placement : place(dead_, recovery_at(step, true), known_, &placement);
}

// Before anything is simulated, as far as loads of the steps do not matter.
void Failover::check_all() const {
  std::vector<GpuId> before;
  const int steps = scenario_.workload.warmup_steps + scenario_.workload.steps;
  for (int step = 0; step < steps; ++step) {
    const std::vector<GpuId> dead = timeline_.at(step).dead_gpus();
    if (dead == before || dead.empty()) continue;
    before = dead;
    const Recovery& recovery = recovery_at(step, true);
    const WindowNeeds needs =
        Registry<PlacementPolicy>::make(policy_of(scenario_, recovery))->needs();
    if (needs.pairs() || needs.sources || needs.steps > 0) continue;
    place(dead, recovery, {.load = known_.load}, nullptr);
  }
}

// Of the first failure that begins, or ends, with the step; else of any that lasts.
const Recovery& Failover::recovery_at(int step, bool fails) const {
  const int shown = timeline_.shown_step(step);
  const Recovery* lasting = nullptr;
  for (const auto& event : timeline_.events()) {
    if (event->recovery() == nullptr) continue;
    const StepRange range = event->steps();
    const std::optional<int> edge = fails ? range.first : range.end;
    if (edge == shown) return *event->recovery();
    if (lasting == nullptr || range.contains(shown)) lasting = event->recovery();
  }
  MOESIM_CHECK(lasting != nullptr, "only failures change which GPUs live");
  return *lasting;
}

int Failover::slots_on(int live) const {
  return std::max(usual_slots_, (scenario_.model.experts + live - 1) / live);
}

Placement Failover::place(const std::vector<GpuId>& dead, const Recovery& recovery, LoadWindow load,
                          const Placement* present) const {
  const PlacementRequest request = request_for(site_, std::move(load), present);
  if (dead.empty()) return placement_policy(scenario_.placement, *scenario_.grid)->place(request);
  const Choice policy = policy_of(scenario_, recovery);
  const int live = site_.gpus - static_cast<int>(dead.size());
  const int slots = slots_on(live);
  try {
    return place_on_live(policy, request, dead, slots);
  } catch (const InputError& error) {
    throw InputError(policy.spot,
                     fmt::format("placement {} has no map for {} live GPUs of {} slots: {}",
                                 policy.kind, live, slots, error.mistakes().front().message),
                     "say placement: {kind: elasticity_aware} in the gpu_failure event");
  }
}

void Failover::layer_built(LayerId layer, const LayerLoad& load) {
  if (timeline_.empty()) return;
  std::copy(load.expert.begin(), load.expert.end(), step_load_.row(layer).begin());
  if (!idle_) seen_->layer_built(layer, load);
}

std::optional<Failover::Change> Failover::between_steps(int step, const Placement& present) {
  if (!timeline_.empty()) timeline_.step_ended(step, step_load_);
  if (idle_) return std::nullopt;
  seen_->step_ended(step);
  std::vector<GpuId> dead = timeline_.at(step + 1).dead_gpus();
  if (dead == dead_) return std::nullopt;
  const bool fails = !std::includes(dead_.begin(), dead_.end(), dead.begin(), dead.end());
  const Recovery& recovery = recovery_at(step + 1, fails);
  const Seconds pause = fails ? recovery.pause : recovery.rejoin;
  Change change{.placement = place(dead, recovery, seen_->window(step), &present), .dead = dead};
  Copies copies = copies_for(present, change.placement, dead);
  record(step + 1, dead, pause, copies);
  change.recovery = recovery_graph(step + 1, recovery, pause, std::move(copies), dead);
  dead_ = std::move(dead);
  return change;
}

Failover::Copies Failover::copies_for(const Placement& before, const Placement& after,
                                      const std::vector<GpuId>& dead) const {
  const auto gpus = static_cast<std::size_t>(site_.gpus);
  const Bytes expert = expert_bytes(scenario_.model);
  Copies copies{.between = ByteMatrix(gpus, gpus), .loaded = IdVector<GpuId, double>(gpus)};
  for (const LayerId layer : after.layers.ids()) {
    const LayerPlacement& map = after.layers[layer];
    const auto moves = plan_migration(without_gpus(before.layers[layer], dead), map,
                                      [&](GpuId gpu) { return scenario_.cluster->node_of(gpu); });
    add_bytes(copies.between, migration_bytes(moves, map, expert));
    for (const SlotMove& move : moves)
      if (move.kind == SlotSource::kLoaded) copies.loaded[map.gpu_of(move.slot)] += expert.value;
  }
  return copies;
}

TaskGraph Failover::recovery_graph(int step, const Recovery& recovery, Seconds pause, Copies copies,
                                   const std::vector<GpuId>& dead) const {
  const std::vector<GpuId> live = live_gpus(site_.gpus, dead);
  // As memory time: nothing of it is work for SMs.
  Compute wait{.time = IdVector<GpuId, KernelTime>(site_.gpus), .phase = Phase::kMigration};
  Compute load = wait;
  for (const GpuId gpu : live) {
    wait.time[gpu].memory = pause + recovery.planning;
    load.time[gpu].memory = Bytes(copies.loaded[gpu]) / recovery.load_rate;
  }
  TaskGraph graph{.step = step};
  const int waited = graph.add(std::move(wait), {}, "recovery");
  graph.add(stopped_copies(std::move(copies.between), live, recovery.link_efficiency), {waited},
            "migration");
  graph.add(std::move(load), {waited}, "loading");
  return graph;
}

void Failover::record(int step, const std::vector<GpuId>& dead, Seconds pause,
                      const Copies& copies) {
  RecoveryRecord record{.step = timeline_.shown_step(step),
                        .live_gpus = site_.gpus - static_cast<int>(dead.size()),
                        .pause_s = pause.value};
  const MovedBytes moved = moved_by(copies.between, *scenario_.cluster);
  record.local_bytes = moved.local;
  record.nvlink_bytes = moved.nvlink;
  record.network_bytes = moved.network;
  for (const double bytes : copies.loaded) record.loaded_bytes += bytes;
  records_.push_back(record);
}

std::vector<std::string> Failover::memory_warnings(MemoryRequest request) const {
  std::vector<std::string> warnings;
  const std::vector<int> usual(static_cast<std::size_t>(site_.gpus),
                               request.workload.tokens_per_gpu);
  std::vector<GpuId> before;
  const int steps = scenario_.workload.warmup_steps + scenario_.workload.steps;
  for (int step = 0; !idle_ && step < steps; ++step) {
    const Conditions& conditions = timeline_.at(step);
    std::vector<GpuId> dead = conditions.dead_gpus();
    if (dead.empty() || dead == before) continue;
    const std::vector<int> served = tokens_under(conditions, usual);
    const auto busiest = std::max_element(served.begin(), served.end());
    const int live = site_.gpus - static_cast<int>(dead.size());
    const int slots = slots_on(live);
    const GpuId gpu(static_cast<int>(busiest - served.begin()));
    request.workload.tokens_per_gpu = *busiest;
    request.slots[gpu] = slots * scenario_.model.moe_layer_count();
    const MemoryUse use = memory_use(request, gpu);
    before = std::move(dead);
    if (use.memory_suffices()) continue;
    warnings.push_back(
        fmt::format("from step {} on {} GPUs live: {} tokens and {} expert slots a layer need "
                    "{:.3g} GB of each "
                    "one's {:.3g} GB",
                    timeline_.shown_step(step), live, *busiest, slots, use.total().value / 1e9,
                    use.capacity.value / 1e9));
  }
  return warnings;
}

}  // namespace moesim
