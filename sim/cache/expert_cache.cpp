#include "sim/cache/expert_cache.hpp"

#include <algorithm>

#include "sim/base/check.hpp"

namespace moesim {

ExpertCache::ExpertCache(std::unique_ptr<Cache> policy, CacheShape shape, NextUse next_use)
    : policy_(std::move(policy)),
      shape_(shape),
      next_use_(std::move(next_use)),
      now_{.turn = -1, .layers = shape.layers, .experts = shape.experts},
      pools_(shape.scope == CacheScope::kGpu ? 1 : static_cast<std::size_t>(shape.layers)),
      places_(shape.layers, shape.experts, -1) {
  MOESIM_CHECK(!policy_->foresees() || next_use_, "a policy that foresees is told the next uses");
}

void ExpertCache::fill(std::span<const ExpertKey> keys) {
  for (const ExpertKey key : keys) {
    Pool& pool = pool_of(key);
    if (static_cast<int>(pool.size()) == shape_.slots || holds(key)) continue;
    put(pool, static_cast<int>(pool.size()), {.expert = {.key = key, .last_use = -1}});
  }
}

void ExpertCache::begin_turn(StepId step, LayerId layer, std::span<const ExpertId> used) {
  now_.turn = static_cast<Turn>(step.value) * shape_.layers + layer.value;
  now_.step = step;
  now_.layer = layer;
  for (const ExpertId expert : used) {
    const ExpertKey key{layer, expert};
    policy_->used(key, now_);
    if (!holds(key)) continue;
    Slot& slot = pool_of(key)[static_cast<std::size_t>(place_of(key))];
    slot.expert.last_use = now_.turn;
    ++slot.expert.uses;
    ++now_.uses;
    slot.stays_until = now_.turn;
  }
}

void ExpertCache::sort(std::vector<ExpertKey>& missing) const {
  if (!policy_->refuses()) return;
  const auto value = [&](ExpertKey key) { return worth({.key = key, .last_use = now_.turn}); };
  std::stable_sort(missing.begin(), missing.end(),
                   [&](ExpertKey a, ExpertKey b) { return value(a) > value(b); });
}

ExpertCache::Insertion ExpertCache::insert(ExpertKey key) { return place(key, now_.turn); }

ExpertCache::Insertion ExpertCache::prefetch(ExpertKey key, Turn turn) { return place(key, turn); }

void ExpertCache::protect(ExpertKey key, Turn turn) {
  MOESIM_CHECK(holds(key), "what is protected is there");
  Slot& slot = pool_of(key)[static_cast<std::size_t>(place_of(key))];
  slot.stays_until = std::max(slot.stays_until, turn);
}

ExpertCache::Insertion ExpertCache::place(ExpertKey key, Turn stays_until) {
  MOESIM_CHECK(!holds(key), "an expert is inserted where it is missing");
  Pool& pool = pool_of(key);
  const bool in_use = stays_until == now_.turn;
  const Slot newcomer{.expert = {.key = key, .last_use = now_.turn, .uses = in_use ? 1 : 0},
                      .stays_until = stays_until};
  if (static_cast<int>(pool.size()) < shape_.slots) {
    put(pool, static_cast<int>(pool.size()), newcomer);
    return {.kept = true};
  }
  const int at = cheapest(pool, in_use && policy_->foresees());
  if (at < 0) return {};
  const ExpertKey leaves = pool[static_cast<std::size_t>(at)].expert.key;
  if (policy_->refuses() &&
      worth(newcomer.expert) <= worth(pool[static_cast<std::size_t>(at)].expert))
    return {};
  now_.uses -= pool[static_cast<std::size_t>(at)].expert.uses;
  places_(leaves.layer, leaves.expert) = -1;
  put(pool, at, newcomer);
  return {.kept = true, .evicted = leaves};
}

double ExpertCache::worth(CachedExpert expert) const {
  if (policy_->foresees()) expert.next_use = next_use_(expert.key, now_.turn);
  return policy_->worth(expert, now_);
}

// Of those that may go; −1 = none. `used`: also those that the running turn uses.
int ExpertCache::cheapest(const Pool& pool, bool used) const {
  int found = -1;
  double least = 0;
  for (std::size_t at = 0; at < pool.size(); ++at) {
    if (pool[at].stays_until >= now_.turn + used) continue;
    const double value = worth(pool[at].expert);
    const bool less =
        found < 0 || value < least ||
        (value == least && pool[at].expert.key < pool[static_cast<std::size_t>(found)].expert.key);
    if (!less) continue;
    found = static_cast<int>(at);
    least = value;
  }
  return found;
}

void ExpertCache::put(Pool& pool, int at, Slot slot) {
  places_(slot.expert.key.layer, slot.expert.key.expert) = at;
  now_.uses += slot.expert.uses;
  if (at == static_cast<int>(pool.size())) {
    pool.push_back(slot);
  } else {
    pool[static_cast<std::size_t>(at)] = slot;
  }
}

}  // namespace moesim
