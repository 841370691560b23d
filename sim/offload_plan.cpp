#include "sim/offload_plan.hpp"

#include <algorithm>

#include "sim/base/check.hpp"

namespace moesim {

// How much each expert matters to the tokens that use it (HOBBIT).
class OffloadPlan::Importance {
 public:
  Importance(const CacheOptions& options, const Scenario& scenario, const Routing& routing) {
    if (options.low_dtype.empty()) return;
    if (options.low_weight && routing.weights.empty())
      throw InputError(scenario.cache.arguments.spot("low_weight"),
                       "the routes have no weights, so low_weight says nothing",
                       "say low_rank, or take a gate that gives weights");
    matters_.raw().assign(static_cast<std::size_t>(routing.experts()), false);
    for (std::size_t at = 0; at < routing.ids.size(); ++at) {
      if (routing.ids[at] < 0) continue;
      const int rank = static_cast<int>(at) % routing.top_k;
      const bool light = (options.low_weight && routing.weights[at] < *options.low_weight) ||
                         (options.low_rank && rank >= *options.low_rank);
      if (!light) matters_[ExpertId(static_cast<int>(routing.ids[at]))] = true;
    }
  }
  bool matters(ExpertId expert) const { return matters_.empty() || matters_[expert]; }

 private:
  IdVector<ExpertId, char> matters_;  // empty: all do
};

OffloadPlan::OffloadPlan(const Scenario& scenario, const CostModel& cost,
                         const Placement& placement, const OffloadSizes& sizes, GateOf gate_of,
                         ExpertCache::NextUse next_use)
    : scenario_(scenario),
      cost_(cost),
      placement_(placement),
      sizes_(sizes),
      options_(read_cache_options(scenario.cache.arguments)),
      prefetch_(Registry<Prefetch>::make(scenario.prefetch)),
      gate_of_(std::move(gate_of)) {
  if (!prefetch_->idle()) most_ahead_ = read_prefetch_options(scenario.prefetch.arguments).most;
  const CacheShape shape{.layers = scenario.model.moe_layer_count(),
                         .experts = scenario.model.experts,
                         .slots = sizes.slots,
                         .scope = sizes.scope};
  for (int gpu = 0; gpu < scenario.cluster->gpus(); ++gpu) {
    std::unique_ptr<Cache> policy = Registry<Cache>::make(scenario.cache);
    starts_hot_ = options_.starts_hot || policy->starts_hot();
    gpus_.raw().push_back({.cache = ExpertCache(std::move(policy), shape, next_use)});
  }
}

PrefetchNeeds OffloadPlan::needs() const {
  PrefetchNeeds needs = prefetch_->needs();
  needs.load = needs.load || starts_hot_;
  return needs;
}

void OffloadPlan::learn(PrefetchProfile profile) {
  if (starts_hot_) {
    std::vector<ExpertKey> keys;
    for (const LayerId layer : profile.load.row_ids())
      for (const ExpertId expert : profile.load.column_ids()) keys.push_back({layer, expert});
    std::stable_sort(keys.begin(), keys.end(), [&](const ExpertKey& a, const ExpertKey& b) {
      return profile.load(a.layer, a.expert) > profile.load(b.layer, b.expert);
    });
    for (const GpuId gpu : gpus_.ids()) {
      std::vector<ExpertKey> own;
      for (const ExpertKey key : keys) {
        const LayerPlacement& slots = placement_.layers[key.layer];
        if (slots.gpu_of(slots.slots_of[key.expert].front()) == gpu) own.push_back(key);
      }
      gpus_[gpu].cache.fill(own);
    }
  }
  prefetch_->learn(std::move(profile));
}

std::vector<GpuTurn> OffloadPlan::turn(StepId step, LayerId layer, const LayerLoad& load) {
  const Importance importance(options_, scenario_, load.routing);
  std::vector<Prediction> predictions;
  if (!prefetch_->idle())
    predictions =
        prefetch_->predict({.step = step,
                            .layer = layer,
                            .layers = scenario_.model.moe_layer_count(),
                            .routing = load.routing,
                            .gate_of = [&](LayerId later) { return gate_of_(step, later); },
                            .random = Random(scenario_.seed)});
  std::vector<GpuTurn> turns(gpus_.size());
  for (const GpuId gpu : gpus_.ids()) {
    use(gpu, step, layer, load, importance, turns[gpu.index()]);
    fetch_ahead(gpu, step, predictions, turns[gpu.index()]);
  }
  return turns;
}

void OffloadPlan::use(GpuId gpu, StepId step, LayerId layer, const LayerLoad& load,
                      const Importance& importance, GpuTurn& turn) {
  GpuState& state = gpus_[gpu];
  const LayerPlacement& placement = placement_.layers[layer];
  const std::vector<int>& rows = load.rows_of[gpu];
  const auto expert_at = [&](std::size_t slot) {
    return placement.expert_of[SlotId(placement.first_slot[gpu.index()] + static_cast<int>(slot))];
  };
  std::vector<ExpertId> used;
  for (std::size_t slot = 0; slot < rows.size(); ++slot)
    if (rows[slot] > 0) used.push_back(expert_at(slot));
  state.cache.begin_turn(step, layer, used);
  turn.late.resize(rows.size());
  turn.on_cpu.resize(rows.size());
  turn.record = {.uses = static_cast<std::int64_t>(used.size()), .layers = !used.empty()};
  std::vector<ExpertKey> missing;
  for (std::size_t slot = 0; slot < rows.size(); ++slot) {
    if (rows[slot] == 0) continue;
    const ExpertKey key{layer, expert_at(slot)};
    const bool low = !importance.matters(key.expert);
    if (state.cache.holds(key) && (low || !state.low.contains(key))) {
      turn.late[slot] = await_prefetch(state, key, turn);
    } else if (!state.cache.holds(key) && suits_cpu(key, rows[slot])) {
      turn.on_cpu[slot] = true;
      turn.cpu += cpu_time(scenario_, rows[slot]);
      ++turn.record.on_cpu;
    } else {
      turn.late[slot] = true;
      fetch(state, key, step, low, turn);
      if (!state.cache.holds(key)) missing.push_back(key);
    }
  }
  keep(state, std::move(missing), importance, turn);
}

// Whether the expert may still be on its way.
bool OffloadPlan::await_prefetch(GpuState& state, ExpertKey key, GpuTurn& turn) {
  const auto ahead = state.made_ahead.find(key);
  if (ahead == state.made_ahead.end()) return false;
  turn.asked.push_back(ahead->second);
  state.made_ahead.erase(ahead);
  return true;
}

void OffloadPlan::fetch(GpuState& state, ExpertKey key, StepId step, bool low, GpuTurn& turn) {
  turn.asked.push_back(new_copy({.size = low ? sizes_.low : sizes_.expert,
                                 .from = sizes_.store(key.layer, key.expert),
                                 .step = step.value}));
  turn.record.low += low;
  state.low.erase(key);  // where its copy is replaced
}

// As far as there are slots for what was missing.
void OffloadPlan::keep(GpuState& state, std::vector<ExpertKey> missing,
                       const Importance& importance, GpuTurn& turn) {
  state.cache.sort(missing);
  for (const ExpertKey key : missing) {
    const ExpertCache::Insertion insertion = state.cache.insert(key);
    if (insertion.evicted) forget(state, *insertion.evicted, turn);
    if (insertion.kept && !importance.matters(key.expert)) state.low.insert(key);
  }
}

// Of an expert in host memory: the CPU does it if it has to, or if that is quicker than the copy
// and the GPU.
bool OffloadPlan::suits_cpu(ExpertKey key, int rows) const {
  const Store from = sizes_.store(key.layer, key.expert);
  if (options_.miss == Miss::kFetch || from != Store::kHost) return false;
  if (options_.miss == Miss::kCpu) return true;
  const std::vector<int> tokens = {rows};
  const Seconds gpu = cost_.experts(expert_work(scenario_.model, tokens, rows, rows)).total();
  return cpu_time(scenario_, rows) < fetch_time(*scenario_.cluster, from, sizes_.expert) + gpu;
}

void OffloadPlan::fetch_ahead(GpuId gpu, StepId step, const std::vector<Prediction>& predictions,
                              GpuTurn& turn) {
  GpuState& state = gpus_[gpu];
  const int unsaid =
      prefetch_->ranks_all() ? static_cast<int>(turn.record.uses) : scenario_.model.experts;
  const int most = most_ahead_ > 0 ? most_ahead_ : unsaid;
  std::map<LayerId, int> wanted;
  std::vector<ExpertKey> missing;
  for (const Prediction& predicted : predictions) {
    const LayerPlacement& slots = placement_.layers[predicted.layer];
    const ExpertKey key{predicted.layer, predicted.expert};
    if (slots.gpu_of(slots.slots_of[key.expert].front()) != gpu || wanted[key.layer] == most)
      continue;
    ++wanted[key.layer];
    if (state.cache.holds(key)) {
      state.cache.protect(key, turn_of(step, key.layer));
    } else {
      missing.push_back(key);
    }
  }
  for (const ExpertKey key : missing) {
    const ExpertCache::Insertion insertion = state.cache.prefetch(key, turn_of(step, key.layer));
    if (!insertion.kept) continue;
    if (insertion.evicted) forget(state, *insertion.evicted, turn);
    turn.ahead.push_back(new_copy({.size = sizes_.expert,
                                   .from = sizes_.store(key.layer, key.expert),
                                   .step = step.value,
                                   .ahead = true}));
    state.made_ahead[key] = turn.ahead.back();
  }
}

Turn OffloadPlan::turn_of(StepId step, LayerId layer) const {
  return static_cast<Turn>(step.value) * scenario_.model.moe_layer_count() + layer.value;
}

CopyId OffloadPlan::new_copy(ExpertCopy copy) {
  copies_.push_back(copy);
  return static_cast<CopyId>(copies_.size()) - 1;
}

void OffloadPlan::forget(GpuState& state, ExpertKey key, GpuTurn& turn) {
  state.low.erase(key);
  const auto ahead = state.made_ahead.find(key);
  if (ahead == state.made_ahead.end()) return;
  turn.gone.push_back(ahead->second);
  state.made_ahead.erase(ahead);
}

}  // namespace moesim
