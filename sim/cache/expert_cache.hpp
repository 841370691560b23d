// The slots of a GPU that experts come to and leave: one pool for all layers, or one for each.
//
// It knows no time: what is inserted is there, and whoever drives it waits for the bytes.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "sim/cache/cache.hpp"

namespace moesim {

struct CacheShape {
  int layers = 0, experts = 0;  // MoE layers, experts of each
  int slots = 0;                // of each pool
  CacheScope scope = CacheScope::kLayer;
};

class ExpertCache {
 public:
  // The first turn after `now` that uses an expert.
  using NextUse = std::function<Turn(ExpertKey, Turn now)>;
  struct Insertion {
    bool kept = false;                 // false: it is used once, and forgotten
    std::optional<ExpertKey> evicted;  // who made room
  };

  // `next_use`: needed by a policy that foresees.
  ExpertCache(std::unique_ptr<Cache> policy, CacheShape shape, NextUse next_use = {});

  // Before the first turn: as many of them, in order, as their pools have slots.
  void fill(std::span<const ExpertKey> keys);
  // A later turn begins: `layer` uses these experts, which stay until it is over.
  void begin_turn(StepId step, LayerId layer, std::span<const ExpertId> used);
  bool holds(ExpertKey key) const { return place_of(key) >= 0; }
  // Sorts missing experts of the running turn: where newcomers may be refused, those that are worth
  // most are to be inserted first.
  void sort(std::vector<ExpertKey>& missing) const;
  // A missing expert of the running turn. It takes no slot of one that the turn uses, unless the
  // policy foresees: then it waits for that one to have been used.
  Insertion insert(ExpertKey key);
  // An expert that is there stays until `turn` is over.
  void protect(ExpertKey key, Turn turn);
  // An expert that a later turn may need; it stays until `turn` is over. Not kept: there is no
  // room for it.
  Insertion prefetch(ExpertKey key, Turn turn);

 private:
  struct Slot {
    CachedExpert expert;
    Turn stays_until = -1;  // it does not go before this turn is over
  };
  using Pool = std::vector<Slot>;
  Pool& pool_of(ExpertKey key) {
    return pools_[shape_.scope == CacheScope::kGpu ? 0 : key.layer.index()];
  }
  int place_of(ExpertKey key) const { return places_(key.layer, key.expert); }
  double worth(CachedExpert expert) const;
  int cheapest(const Pool& pool, bool used) const;
  Insertion place(ExpertKey key, Turn stays_until);
  void put(Pool& pool, int at, Slot slot);

  std::unique_ptr<Cache> policy_;
  CacheShape shape_;
  NextUse next_use_;
  CacheMoment now_;
  std::vector<Pool> pools_;
  IdMatrix<LayerId, ExpertId, int> places_;  // in its pool; −1 = not there
};

}  // namespace moesim
