// What becomes of the experts of a layer that a GPU does not hold, and which of the next layers it
// fetches ahead.
//
// It knows no time: an expert is taken to be there from the turn on in which it is fetched, and the
// copy that it may still be waiting for goes with it. So what is fetched depends on the routes
// alone, not on the network.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "sim/cache/expert_cache.hpp"
#include "sim/expert_copies.hpp"
#include "sim/layer_routing.hpp"
#include "sim/model/offload_record.hpp"
#include "sim/offload_sizes.hpp"
#include "sim/prefetch/prefetch.hpp"

namespace moesim {

struct ExpertCopy {
  Bytes size;
  Store from = Store::kHost;
  int step = 0;
  bool ahead = false;  // of the demand
};

// One GPU in one layer of one step.
struct GpuTurn {
  std::vector<bool> late;     // [slots]: computed when all that is asked for has come
  std::vector<bool> on_cpu;   // [slots]: not computed by the GPU
  std::vector<CopyId> asked;  // that the late ones wait for, made now or ahead
  std::vector<CopyId> ahead;  // to be made for later layers, the most wanted first
  std::vector<CopyId> gone;   // made ahead, and never used before the expert had to go
  Seconds cpu;                // that the CPU computes
  OffloadRecord record;       // what is known before the copies are made
};

class OffloadPlan {
 public:
  // The gate's counts of a later layer of a step, [source × expert].
  using GateOf = std::function<ExpertCounts(StepId, LayerId)>;

  // `next_use` for a cache that foresees.
  OffloadPlan(const Scenario& scenario, const CostModel& cost, const Placement& placement,
              const OffloadSizes& sizes, GateOf gate_of, ExpertCache::NextUse next_use);

  // What a start or a prediction needs to know of the profiling window.
  PrefetchNeeds needs() const;
  void learn(PrefetchProfile profile);

  // [gpus]. Layers come in order, step after step.
  std::vector<GpuTurn> turn(StepId step, LayerId layer, const LayerLoad& load);
  const ExpertCopy& copy(CopyId id) const { return copies_[static_cast<std::size_t>(id)]; }

 private:
  struct GpuState {
    ExpertCache cache;
    std::map<ExpertKey, CopyId> made_ahead;  // of experts not used since
    std::set<ExpertKey> low;                 // of those held: as a copy of low precision
  };
  class Importance;

  void use(GpuId gpu, StepId step, LayerId layer, const LayerLoad& load,
           const Importance& importance, GpuTurn& turn);
  void fetch_ahead(GpuId gpu, StepId step, const std::vector<Prediction>& predictions,
                   GpuTurn& turn);
  static bool await_prefetch(GpuState& state, ExpertKey key, GpuTurn& turn);
  void fetch(GpuState& state, ExpertKey key, StepId step, bool low, GpuTurn& turn);
  void keep(GpuState& state, std::vector<ExpertKey> missing, const Importance& importance,
            GpuTurn& turn);
  Turn turn_of(StepId step, LayerId layer) const;
  bool suits_cpu(ExpertKey key, int rows) const;
  CopyId new_copy(ExpertCopy copy);
  void forget(GpuState& state, ExpertKey key, GpuTurn& turn);

  const Scenario& scenario_;
  const CostModel& cost_;
  const Placement& placement_;
  const OffloadSizes& sizes_;
  CacheOptions options_;
  int most_ahead_ = 0;
  std::unique_ptr<Prefetch> prefetch_;
  GateOf gate_of_;
  bool starts_hot_ = false;
  IdVector<GpuId, GpuState> gpus_;
  std::vector<ExpertCopy> copies_;  // by id
};

}  // namespace moesim
