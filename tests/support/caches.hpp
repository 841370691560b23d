// Caches made as in a scenario, and sequences of uses.
#pragma once

#include <algorithm>
#include <set>
#include <vector>

#include "sim/cache/expert_cache.hpp"
#include "tests/support/plugin.hpp"

namespace moesim {

// Experts used by turn: turns go through the layers step by step.
using Uses = std::vector<std::vector<int>>;

inline ExpertCache::NextUse next_use_of(const Uses& uses, int layers) {
  return [uses, layers](ExpertKey key, Turn now) {
    for (Turn turn = now + 1; turn < static_cast<Turn>(uses.size()); ++turn) {
      const auto& used = uses[static_cast<std::size_t>(turn)];
      if (turn % layers == key.layer.value &&
          std::find(used.begin(), used.end(), key.expert.value) != used.end())
        return turn;
    }
    return kNever;
  };
}

struct CacheRun {
  int hits = 0;
  std::vector<std::set<ExpertKey>> contents;  // after each turn
};

// Each missing expert is inserted.
// `policy` is YAML, as for plugin().
inline CacheRun run_cache(const std::string& policy, CacheShape shape, const Uses& uses,
                          const std::vector<ExpertKey>& start = {}) {
  ExpertCache cache(plugin<Cache>(policy), shape, next_use_of(uses, shape.layers));
  cache.fill(start);
  CacheRun run;
  for (std::size_t turn = 0; turn < uses.size(); ++turn) {
    const LayerId layer(static_cast<int>(turn) % shape.layers);
    std::vector<ExpertId> used;
    for (const int expert : uses[turn]) used.emplace_back(expert);
    cache.begin_turn(StepId(static_cast<int>(turn) / shape.layers), layer, used);
    for (const ExpertId expert : used) run.hits += cache.holds({layer, expert});
    std::vector<ExpertKey> missing;
    for (const ExpertId expert : used)
      if (!cache.holds({layer, expert})) missing.push_back({layer, expert});
    cache.sort(missing);
    for (const ExpertKey key : missing) cache.insert(key);
    run.contents.emplace_back();
    for (const LayerId each : IdRange<LayerId>(shape.layers))
      for (const ExpertId expert : IdRange<ExpertId>(shape.experts))
        if (cache.holds({each, expert})) run.contents.back().insert({each, expert});
  }
  return run;
}

}  // namespace moesim
