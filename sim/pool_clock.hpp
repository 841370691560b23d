// The clock of a pool's steps: simulates the whole step, or interpolates between steps that were
// (sim/step_cache.hpp), and does between two steps what policies and events want done.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "sim/pool_loads.hpp"
#include "sim/pool_steps.hpp"
#include "sim/step_cache.hpp"

namespace moesim {

class PoolClock final : public StepClock {
 public:
  // `stretch`, `engine` and `sends` as of PoolSteps. `cache`: none, every step is simulated.
  PoolClock(Stretch& stretch, Engine& engine, GpuPart part, KvSends* sends,
            const std::optional<StepCacheOptions>& cache);

  StepOutcome step(const StepBatch& batch) override;
  // Over a rank's own NICs, which nobody else uses.
  Seconds kv_time(double tokens) const override;
  // All steps so far, and what the step cache did. `first`: the pool's first GPU in the cluster.
  void report(const Cluster& cluster, GpuId first, PoolSummary& pool) const;

 private:
  StepCache::Values simulated(const StepBatch& batch, int draw);
  StepRecord mean() const;  // with `seconds` a mean, too
  PoolLoads loads() const;
  void fail_and_recover(StepOutcome& outcome);
  void move_experts(StepOutcome& outcome);

  Stretch& stretch_;
  Engine& engine_;
  PoolSteps steps_;
  bool sends_ = false;
  std::optional<StepCache> cache_;
  int number_ = 0;  // of the next step
  std::vector<double> sums_;
  Seconds time_;  // of the steps until their KV caches have arrived, and of what is between them
  PoolLoads loads_;
  int draws_ = 1;                          // of each batch that the cache has simulated …
  std::vector<PoolLoads::Step> of_draws_;  // … and what those came to, one after the other
};

}  // namespace moesim
