#include "sim/rebalancer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sim/base/check.hpp"
#include "sim/live_placement.hpp"
#include "sim/model/imbalance.hpp"
#include "sim/model/port_rates.hpp"

namespace moesim {
namespace {

// The maps must look at loads, and have the slots that the GPUs have.
void check_maps(const Scenario& scenario, int redundant, const PlacementPolicy& maps,
                const Placement& first) {
  const Spot& spot = scenario.rebalance.spot;
  if (!maps.needs().load)
    throw InputError(spot, "the placement does not look at loads, so there is nothing to rebalance",
                     "say rebalance.placement: {kind: eplb}, with the placement's redundant");
  if (!maps.keeps_slots())
    throw InputError(spot,
                     "this placement gives GPUs more or fewer slots with every map, and slots do "
                     "not move between GPUs during a run",
                     "say rebalance.placement: {kind: eplb}, with the placement's redundant");
  const LayerPlacement& now = first.layers[LayerId(0)];
  const int slots = scenario.model.experts + redundant;
  if (now.first_slot != even_first_slots(slots, *scenario.grid))
    throw InputError(
        spot, fmt::format("maps of {} slots cannot replace the placement's {}", slots, now.slots()),
        "rebalance.placement.redundant must be that of placement");
}

}  // namespace

Bytes staging_memory(const Scenario& scenario, const Placement& placement) {
  if (Registry<Rebalance>::make(scenario.rebalance)->idle()) return Bytes(0);
  int most = 0;
  for (const LayerPlacement& layer : placement.layers)
    for (int gpu = 0; gpu < layer.gpus(); ++gpu)
      most = std::max(most, layer.first_slot[static_cast<std::size_t>(gpu) + 1] -
                                layer.first_slot[static_cast<std::size_t>(gpu)]);
  return expert_bytes(scenario.model) * most / scenario.grid->parallel().etp;
}

Rebalancer::Rebalancer(const Scenario& scenario, const CostModel& cost, PlacementRequest site,
                       Placement placement, FutureWindow future,
                       std::function<void(const Span&)> span)
    : scenario_(scenario),
      cost_(cost),
      site_(std::move(site)),
      placement_(std::make_shared<const Placement>(std::move(placement))),
      policy_(Registry<Rebalance>::make(scenario.rebalance)),
      background_(std::make_unique<BackgroundCopies>(std::move(span))) {
  if (policy_->idle()) return;
  options_ = read_rebalance_options(scenario.rebalance.arguments);
  const Choice maps = online_placement(scenario);
  maps_ = placement_policy(maps, *scenario.grid);
  check_maps(scenario, maps.arguments.has("redundant") ? maps.arguments.integer("redundant") : 0,
             *maps_, *placement_);
  seen_.emplace(options_, maps_->needs(), scenario.model.moe_layer_count(), scenario.model.experts,
                std::move(future));
}

Rebalancer::~Rebalancer() = default;

BackgroundCopies& Rebalancer::background() { return *background_; }

void Rebalancer::stop() { background_->stop(); }

void Rebalancer::layer_built(LayerId layer, const LayerLoad& load) {
  if (policy_->idle()) return;
  seen_->layer_built(layer, load);
  const std::vector<double> live = live_gpu_load(load);
  imbalance_ += max_over_mean(live);
  even_ += balancedness_sglang(live);
}

std::optional<TaskGraph> Rebalancer::between_steps(int step, Engine& engine) {
  if (policy_->idle()) return std::nullopt;
  const auto layers = static_cast<double>(placement_->layers.size());
  const BalanceReport report{
      .step = StepId(step), .max_over_mean = imbalance_ / layers, .balancedness = even_ / layers};
  imbalance_ = even_ = 0;
  seen_->step_ended(step);
  take_effect(step, static_cast<std::size_t>(background_->take_arrived()));
  // While a map is brought about no other is asked for.
  if (pending_.empty() && policy_->wants(report)) decide(step);
  if (pending_.empty()) return std::nullopt;
  if (policy_->free()) {
    take_effect(step, pending_.size());
    return std::nullopt;
  }
  if (options_.execution != Execution::kAsync) return copy_and_wait(step);
  if (!planned_) copy_beside(step, engine);
  return std::nullopt;
}

void Rebalancer::decide(int step) {
  const LoadWindow window = seen_->window(step);
  const ExpertLoad& load = window.load;
  std::vector<Change> changes = changes_for(window);
  if (changes.empty() || !policy_->accepts(propose(load, changes))) return;
  records_.push_back(describe(step, load, changes));
  for (Change& change : changes) pending_.push_back(std::move(change));
  planned_ = false;
}

Placement Rebalancer::next_maps(const LoadWindow& window, std::span<const LayerId> layers) const {
  // A map that follows tokens from layer to layer is made for all layers at once.
  if (layers.size() < window.load.rows() && !maps_->needs().transitions) {
    const Placement present = only_layers(*placement_, layers);
    return make_maps(request_for(site_, only_layers(window, layers), &present));
  }
  return only_layers(make_maps(request_for(site_, window, placement_.get())), layers);
}

std::vector<Rebalancer::Change> Rebalancer::changes_for(const LoadWindow& window) const {
  const auto layers = policy_->choose_layers(static_cast<int>(window.load.rows()));
  Placement next = next_maps(window, layers);
  const Bytes expert = expert_bytes(scenario_.model);
  std::vector<Change> changes;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    LayerPlacement& map = next.layers[LayerId(static_cast<int>(i))];
    const LayerPlacement& before = placement_->layers[layers[i]];
    MOESIM_CHECK(map.first_slot == before.first_slot, "online maps keep the slots of each GPU");
    if (map.expert_of.raw() == before.expert_of.raw()) continue;
    const Cluster& ranks = *scenario_.grid->ranks_cluster();
    const auto moves = plan_migration(before, map, [&](GpuId rank) { return ranks.node_of(rank); });
    const int stage = scenario_.grid->stage_of(layers[i], scenario_.model);
    ByteMatrix bytes = between_gpus(migration_bytes(moves, map, expert), *scenario_.grid, stage);
    changes.push_back({layers[i], std::move(map), std::move(bytes)});
  }
  return changes;
}

// Expert FFN of the GPU with the largest load, if replicas share their expert's evenly.
Seconds Rebalancer::busiest_time(const LayerPlacement& map, std::span<const double> load) const {
  const auto gpu_load = predicted_gpu_load(map, load);
  const auto busiest = std::max_element(gpu_load.begin(), gpu_load.end()) - gpu_load.begin();
  const auto gpu = static_cast<std::size_t>(busiest);
  std::vector<int> rows;
  for (int slot = map.first_slot[gpu]; slot < map.first_slot[gpu + 1]; ++slot) {
    const ExpertId expert = map.expert_of[SlotId(slot)];
    rows.push_back(static_cast<int>(
        std::lround(load[expert.index()] / static_cast<double>(map.slots_of[expert].size()))));
  }
  return cost_
      .experts(expert_work(scenario_.model, rows, gpu_load[GpuId(gpu)], 0,
                           scenario_.grid->parallel().etp))
      .total();
}

Seconds Rebalancer::idle_time(const std::vector<Change>& changes) const {
  const Cluster& cluster = *scenario_.cluster;
  const PortRates rates = port_rates(cluster);
  const auto gpus = static_cast<std::size_t>(cluster.gpus());
  std::vector<double> local(2 * gpus), network(2 * gpus);  // out, then in
  for (const Change& change : changes)
    for (const GpuId source : change.bytes.row_ids())
      for (const GpuId target : change.bytes.column_ids()) {
        if (source == target) continue;
        auto& ports = cluster.same_domain(source, target) ? local : network;
        ports[source.index()] += change.bytes(source, target);
        ports[gpus + target.index()] += change.bytes(source, target);
      }
  const auto time = [&](const std::vector<double>& bytes, BytesPerSecond rate) {
    return rate.value > 0 ? Bytes(maximum(bytes)) / (rate * options_.link_efficiency) : Seconds(0);
  };
  return std::max(time(local, rates.nvlink), time(network, rates.nic));
}

RebalanceProposal Rebalancer::propose(const ExpertLoad& load,
                                      const std::vector<Change>& changes) const {
  RebalanceProposal proposal{.cost = options_.planning_time + idle_time(changes)};
  for (const Change& change : changes)
    proposal.saving_per_step +=
        busiest_time(placement_->layers[change.layer], load.row(change.layer)) -
        busiest_time(change.map, load.row(change.layer));
  return proposal;
}

RebalanceRecord Rebalancer::describe(int step, const ExpertLoad& load,
                                     const std::vector<Change>& changes) const {
  const auto predicted = [&](const Placement& placement) {
    return predicted_max_over_mean(placement, load, scenario_.grid->first_holder(), site_.dead);
  };
  RebalanceRecord record{.step = step,
                         .layers = static_cast<int>(changes.size()),
                         .predicted_before = predicted(*placement_)};
  Placement after = *placement_;
  for (const Change& change : changes) {
    const LayerPlacement& before = placement_->layers[change.layer];
    for (const SlotId slot : change.map.expert_of.ids())
      record.slots += change.map.expert_of[slot] != before.expert_of[slot];
    after.layers[change.layer] = change.map;
    if (policy_->free()) continue;
    const MovedBytes moved = moved_by(change.bytes, *scenario_.cluster);
    record.local_bytes += moved.local;
    record.nvlink_bytes += moved.nvlink;
    record.network_bytes += moved.network;
  }
  record.predicted_after = predicted(after);
  return record;
}

Compute Rebalancer::planning() const {
  const auto gpus = static_cast<std::size_t>(scenario_.cluster->gpus());
  // As memory time: it is the CPU's, and no loss of SMs slows it.
  Compute planning{.time = IdVector<GpuId, KernelTime>(gpus, {.memory = options_.planning_time}),
                   .phase = Phase::kMigration};
  for (const GpuId dead : site_.dead) planning.time[dead] = {};
  return planning;
}

Exchange Rebalancer::copy(const ByteMatrix& bytes, bool everybody_waits) const {
  const double inflation = 1 / options_.link_efficiency;
  Exchange exchange{.rendezvous = everybody_waits,
                    .sms = options_.sms,
                    .wait_for = everybody_waits ? WaitFor::kAll : WaitFor::kOwn,
                    .phase = Phase::kMigration};
  if (!site_.dead.empty()) exchange.groups = {live_gpus(site_.gpus, site_.dead)};
  exchange.legs.push_back(
      {.bytes = bytes, .network_inflation = inflation, .local_inflation = inflation});
  return exchange;
}

TaskGraph Rebalancer::copy_and_wait(int step) {
  const std::size_t all = pending_.size();
  const std::size_t now = options_.execution == Execution::kBlocking
                              ? all
                              : std::min(all, static_cast<std::size_t>(options_.layers_per_step));
  ByteMatrix bytes = pending_.front().bytes;
  for (std::size_t i = 1; i < now; ++i) add_bytes(bytes, pending_[i].bytes);
  TaskGraph graph{.step = step + 1};
  std::vector<int> after;
  if (!planned_) after = {graph.add(planning(), {}, "planning")};
  planned_ = true;
  graph.add(copy(bytes, true), after, "migration");
  take_effect(step, now);
  return graph;
}

void Rebalancer::copy_beside(int step, Engine& engine) {
  background_->plan(planning());
  for (const Change& change : pending_) background_->copy(copy(change.bytes, false), step + 1);
  planned_ = true;
  engine.wake(*background_);
}

void Rebalancer::take_effect(int step, std::size_t changes) {
  if (changes == 0) return;
  auto next = std::make_shared<Placement>(*placement_);
  for (std::size_t i = 0; i < changes; ++i) {
    Change& change = pending_.front();
    next->layers[change.layer] = std::move(change.map);
    if (!policy_->free()) {
      const MovedBytes moved = moved_by(change.bytes, *scenario_.cluster);
      bytes_of_step_[step + 1] += moved.nvlink + moved.network;
    }
    pending_.pop_front();
  }
  placement_ = std::move(next);
  records_.back().effective = step + 1;
}

}  // namespace moesim
