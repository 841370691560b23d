#include "sim/pool_clock.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <type_traits>

#include "sim/model/memory.hpp"
#include "sim/model/port_rates.hpp"

namespace moesim {
namespace {

// Calls `use` with every number of a step that is kept, its time first.
template <class Step, class Use>
void for_each_value(Step& step, const Use& use) {
  auto& record = step.record;
  use(record.seconds);
  use(step.kv_sent);
  for (auto& seconds : record.breakdown) use(seconds);
  use(record.communication.any_under_way);
  use(record.communication.any_hidden);
  for (auto* phases : {&record.communication.under_way, &record.communication.hidden})
    for (auto& seconds : *phases) use(seconds);
  auto& imbalance = record.imbalance;
  for (auto* value :
       {&imbalance.gpu_max_over_mean, &imbalance.expert_max_over_mean, &imbalance.gpu_cv,
        &imbalance.gpu_gini, &imbalance.balancedness_sglang, &record.vllm_mean, &record.vllm_max,
        &record.nvlink_bytes, &record.network_bytes})
    use(*value);
  for (auto* count : {&record.tokens, &record.routes, &record.dropped_routes,
                      &record.dropped_tokens, &record.rows})
    use(*count);
}

StepCache::Values values_of(const PoolStep& step) {
  StepCache::Values values;
  for_each_value(step, [&](const auto& value) { values.push_back(static_cast<double>(value)); });
  return values;
}

PoolStep step_of(const StepCache::Values& values) {
  PoolStep step;
  std::size_t at = 0;
  for_each_value(step, [&](auto& value) {
    using Value = std::remove_reference_t<decltype(value)>;
    if constexpr (std::is_integral_v<Value>)
      value = std::llround(values[at++]);
    else
      value = values[at++];
  });
  return step;
}

// Ranks that have a GPU in one list and none in the other.
std::vector<int> ranks_in_one(const std::vector<GpuId>& in, const std::vector<GpuId>& not_in,
                              const Grid& grid) {
  const auto has = [](const std::vector<GpuId>& all, const std::vector<GpuId>& group) {
    return std::any_of(group.begin(), group.end(), [&](GpuId gpu) {
      return std::find(all.begin(), all.end(), gpu) != all.end();
    });
  };
  std::vector<int> ranks;
  const GpuGroups& groups = grid.tensor_groups(0);
  for (std::size_t rank = 0; rank < groups.size(); ++rank)
    if (has(in, groups[rank]) && !has(not_in, groups[rank]))
      ranks.push_back(static_cast<int>(rank));
  return ranks;
}

}  // namespace

PoolClock::PoolClock(Stretch& stretch, Engine& engine, GpuPart part, KvSends* sends,
                     const std::optional<StepCacheOptions>& cache)
    : stretch_(stretch),
      engine_(engine),
      steps_(stretch, engine, part, sends),
      sends_(sends != nullptr) {
  if (!cache) return;
  draws_ = cache->draws;
  cache_.emplace(*cache, static_cast<int>(stretch.scenario.grid->tensor_groups(0).size()),
                 stretch.scenario.workload.draft_tokens,
                 [this](const StepBatch& batch, int draw) { return simulated(batch, draw); });
}

StepOutcome PoolClock::step(const StepBatch& batch) {
  const StepCache::Values values = cache_ ? cache_->values(batch, 0) : simulated(batch, number_);
  const PoolStep step = step_of(values);
  sums_.resize(values.size());
  for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] += values[i];
  StepOutcome outcome{.time = Seconds(step.record.seconds),
                      .kv_sent = Seconds(step.kv_sent),
                      .gpu_max_over_mean = step.record.imbalance.gpu_max_over_mean};
  if (!cache_) {
    fail_and_recover(outcome);
    move_experts(outcome);
  }
  ++number_;
  outcome.time += outcome.stall;
  time_ += outcome.stall + outcome.kv_sent;
  return outcome;
}

StepCache::Values PoolClock::simulated(const StepBatch& batch, int draw) {
  const PoolStep step = steps_.simulate(batch, draw);
  PoolLoads::Step loads = loads_.step(step.expert_loads, step.links);
  if (cache_)
    of_draws_.push_back(std::move(loads));
  else
    loads_.add(loads, 1);
  return values_of(step);
}

Seconds PoolClock::kv_time(double tokens) const {
  if (!sends_ || !(tokens > 0)) return {};
  const Scenario& scenario = stretch_.scenario;
  const Bytes own = kv_bytes_of_sequence(scenario.model, tokens) / scenario.grid->parallel().tp;
  return own / port_rates(*scenario.cluster).nic;
}

void PoolClock::fail_and_recover(StepOutcome& outcome) {
  Failover& failover = stretch_.failover;
  Rebalancer& rebalancer = stretch_.rebalancer;
  const std::vector<GpuId> dead = stretch_.timeline.at(number_).dead_gpus();
  auto change = failover.between_steps(number_, *rebalancer.placement());
  if (!change) return;
  const Grid& grid = *stretch_.scenario.grid;
  outcome.failed = ranks_in_one(change->dead, dead, grid);
  outcome.returned = ranks_in_one(dead, change->dead, grid);
  rebalancer.adopt(number_, std::move(change->placement), std::move(change->dead));
  const Seconds took = steps_.run_alone(std::move(change->recovery));
  failover.recovered(took);
  outcome.stall += took;
}

void PoolClock::move_experts(StepOutcome& outcome) {
  if (auto graph = stretch_.rebalancer.between_steps(number_, engine_))
    outcome.stall += steps_.run_alone(std::move(*graph));
}

StepRecord PoolClock::mean() const {
  StepCache::Values values = sums_;
  for (double& value : values) value /= number_;
  return values.empty() ? StepRecord{} : step_of(values).record;
}

PoolLoads PoolClock::loads() const {
  PoolLoads all = loads_;
  for (std::size_t i = 0; i < of_draws_.size(); ++i)
    all.add(of_draws_[i], cache_->stand_for()[i / static_cast<std::size_t>(draws_)] / draws_);
  return all;
}

void PoolClock::report(const Cluster& cluster, GpuId first, PoolSummary& pool) const {
  pool.mean = mean();
  pool.steps = number_;
  if (cache_) pool.cache = cache_->record();
  loads().report(cluster, first, time_, pool);
}

}  // namespace moesim
