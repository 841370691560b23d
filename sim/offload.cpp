#include "sim/offload.hpp"

#include <algorithm>

#include "sim/base/check.hpp"
#include "sim/offload_profile.hpp"

namespace moesim {

Offload::Offload(const Scenario& scenario, const Trace& trace, const CostModel& cost,
                 const LayerBuilder& builder, const Placement& placement, const OffloadSizes& sizes,
                 std::function<void(const Span&)> span)
    : scenario_(scenario),
      cost_(cost),
      sizes_(sizes),
      options_(read_cache_options(scenario.cache.arguments)),
      gates_(scenario, trace, builder.timeline(), Registry<Gate>::make(scenario.gate)) {
  const RoutingDetail detail = builder.routing().detail();
  const auto gate_of = [this, &placement, detail](StepId step, LayerId layer) {
    return gate_counts(scenario_, gates_, placement, step, layer, detail);
  };
  ExpertCache::NextUse next;
  if (Registry<Cache>::make(scenario.cache)->foresees())
    next = next_uses(scenario, gates_, placement, detail);
  plan_ = std::make_unique<OffloadPlan>(scenario, cost, placement, sizes, gate_of, next);
  plan_->learn(offload_profile(scenario, trace, plan_->needs()));
  const int gpus = scenario.cluster->gpus();
  for (const GpuId gpu : IdRange<GpuId>(gpus)) {
    lanes_.push_back(std::make_unique<CopyLane>(
        gpu, CopyLane::Listener{.begun = [this](CopyId id) { begun(id); },
                                .arrived = [this](CopyId id) { arrived(id); },
                                .span = span}));
    cpus_.push_back(std::make_unique<CpuLane>(gpu, gpus, [this, gpu] {
      const Waiter waiter = cpu_waiting_[gpu.index()].front();
      cpu_waiting_[gpu.index()].pop_front();
      one_less(waiter);
    }));
  }
  cpu_waiting_.resize(lanes_.size());
}

void Offload::start(Engine& engine, const Producer& steps) {
  engine_ = &engine;
  steps_ = &steps;
  for (std::size_t gpu = 0; gpu < lanes_.size(); ++gpu) {
    lanes_[gpu]->attach(engine);
    engine.add(*lanes_[gpu]);
    engine.add(*cpus_[gpu]);
  }
}

void Offload::stop() {
  for (const auto& lane : lanes_) lane->stop();
}

void Offload::layer_built(int fragment, StepId step, LayerId layer, const LayerLoad& load,
                          TaskGraph& graph) {
  Running running{.step = step.value,
                  .turns = plan_->turn(step, layer, load),
                  .left = IdVector<GpuId, int>(lanes_.size())};
  running.wait = split_experts(graph, scenario_, cost_, load, running.turns, options_.overlap);
  running_.emplace(fragment, std::move(running));
}

void Offload::done(int fragment, int node, GpuId gpu) {
  const auto running = running_.find(fragment);
  if (running != running_.end() && running->second.wait.ask == node) ask(fragment, gpu);
}

void Offload::ask(int fragment, GpuId gpu) {
  Running& running = running_.at(fragment);
  const GpuTurn& turn = running.turns[gpu.index()];
  OffloadRecord record = turn.record;
  for (const CopyId id : turn.gone) {
    if (state_of(id) == CopyState::kWaits) {
      lanes_[gpu.index()]->cancel(id);
    } else {
      record.wasted_bytes += plan_->copy(id).size.value;
    }
  }
  int waits = ask_for_copies(fragment, gpu, turn, record);
  if (turn.cpu.value > 0) {
    ++waits;
    cpu_waiting_[gpu.index()].push_back({fragment, gpu});
    cpus_[gpu.index()]->ask(turn.cpu);
  }
  record.hit_layers = record.layers > 0 && record.hits == record.uses;
  add(record_of(running.step), record);
  std::vector<CopyLane::Copy> ahead;
  for (const CopyId id : turn.ahead) ahead.push_back(request(id));
  lanes_[gpu.index()]->ask_ahead(ahead);
  running.left[gpu] = waits;
  engine_->wake(*lanes_[gpu.index()]);
  engine_->wake(*cpus_[gpu.index()]);
  const bool held = !turn.asked.empty() || turn.cpu.value > 0;
  if (held && waits == 0) engine_->release(*steps_, fragment, running.wait.hold, gpu);
}

// How many of them are not there yet.
int Offload::ask_for_copies(int fragment, GpuId gpu, const GpuTurn& turn, OffloadRecord& record) {
  int waits = 0;
  record.hits = record.uses - record.on_cpu;
  for (const CopyId id : turn.asked) {
    const CopyState state = state_of(id);
    record.useful += state != CopyState::kWaits;
    if (state == CopyState::kArrived) continue;
    --record.hits;
    ++waits;
    waiting_[id] = {fragment, gpu};
    if (state == CopyState::kUnderWay) {
      ++record.late;
    } else if (plan_->copy(id).ahead) {
      lanes_[gpu.index()]->promote(id);
    } else {
      lanes_[gpu.index()]->ask(request(id));
    }
  }
  return waits;
}

CopyLane::Copy Offload::request(CopyId id) const {
  const ExpertCopy& copy = plan_->copy(id);
  return {.id = id, .size = copy.size, .from = copy.from};
}

void Offload::begun(CopyId id) {
  state_of(id) = CopyState::kUnderWay;
  const ExpertCopy& copy = plan_->copy(id);
  const double bytes = copy.size.value;
  OffloadRecord& record = record_of(copy.step);
  const bool demanded = waiting_.contains(id);
  (demanded ? record.demand_bytes : record.prefetch_bytes) += bytes;
  if (!demanded) ++record.prefetches;
  (copy.from == Store::kDisk ? record.disk_bytes : record.host_bytes) += bytes;
}

void Offload::arrived(CopyId id) {
  state_of(id) = CopyState::kArrived;
  const auto waiter = waiting_.find(id);
  if (waiter == waiting_.end()) return;
  const Waiter waits = waiter->second;
  waiting_.erase(waiter);
  one_less(waits);
}

void Offload::one_less(const Waiter& waiter) {
  Running& running = running_.at(waiter.fragment);
  if (--running.left[waiter.gpu] == 0)
    engine_->release(*steps_, waiter.fragment, running.wait.hold, waiter.gpu);
}

Offload::CopyState& Offload::state_of(CopyId id) {
  const auto at = static_cast<std::size_t>(id);
  if (states_.size() <= at) states_.resize(at + 1, CopyState::kWaits);
  return states_[at];
}

OffloadRecord& Offload::record_of(int step) {
  const auto at = static_cast<std::size_t>(step);
  if (records_.size() <= at) records_.resize(at + 1);
  return records_[at];
}

std::unique_ptr<Offload> make_offload(const Scenario& scenario, const Trace& trace,
                                      const CostModel& cost, const LayerBuilder& builder,
                                      const Placement& placement,
                                      const std::optional<OffloadSizes>& sizes,
                                      std::function<void(const Span&)> span) {
  if (!sizes) return nullptr;
  return std::make_unique<Offload>(scenario, trace, cost, builder, placement, *sizes,
                                   std::move(span));
}

void Offload::report(int warmup, RunResult& result) const {
  result.offload = {
      .slots = sizes_.all_slots, .experts = sizes_.experts, .expert_bytes = sizes_.expert.value};
  result.warnings.emplace_back(
      "offload: copies, disks and the CPU work at the rates of cluster.host, which nobody "
      "measured");
  for (std::size_t step = 0; step < result.steps.size(); ++step)
    result.steps[step].offload = records_[step + static_cast<std::size_t>(warmup)];
}

}  // namespace moesim
