// Moves experts during a run: watches the steps, asks the rebalance policy whether a new map is
// wanted and the placement policy for it, and charges planning and the copies of weights.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "sim/background_copies.hpp"
#include "sim/engine/engine.hpp"
#include "sim/layer_builder.hpp"
#include "sim/model/run_result.hpp"
#include "sim/placement_request.hpp"
#include "sim/rebalance/migration.hpp"

namespace moesim {

// On each GPU: the weights of a layer's slots, received beside those in use. None where nothing is
// ever moved.
Bytes staging_memory(const Scenario& scenario, const Placement& placement);

class Rebalancer {
 public:
  // `site`: what maps are made for (sim/placement_request.hpp). `future`: what the estimator future
  // asks; `span` hears of copies beside the steps. Throws InputError where the maps cannot replace
  // `placement`.
  Rebalancer(const Scenario& scenario, const CostModel& cost, PlacementRequest site,
             Placement placement, FutureWindow future, std::function<void(const Span&)> span);
  ~Rebalancer();

  // Of the steps that are built from now on.
  const std::shared_ptr<const Placement>& placement() const { return placement_; }
  // A layer of the step under way was built.
  void layer_built(LayerId layer, const LayerLoad& load);
  // All layers of `step` were built, and its load is known: what everybody does before the next
  // step, if anything. Starts what goes on beside the steps.
  std::optional<TaskGraph> between_steps(int step, Engine& engine);
  // Another map is in use from the step after `step` on, because other GPUs are `dead`; maps under
  // way are given up, and later ones leave the dead alone.
  void adopt(int step, Placement placement, std::vector<GpuId> dead);
  // What goes on beside the steps: a producer for the engine.
  BackgroundCopies& background();
  // No step comes after this.
  void stop();

  // Fills in what the maps were worth, and the bytes that steps moved. Steps before `warmup` are
  // not in `result`.
  void report(int warmup, RunResult& result) const;

 private:
  struct Change {
    LayerId layer;
    LayerPlacement map;
    ByteMatrix bytes;  // [source × target]
  };

  void decide(int step);
  Placement next_maps(const LoadWindow& window, std::span<const LayerId> layers) const;
  Placement make_maps(const PlacementRequest& request) const;
  std::vector<Change> changes_for(const LoadWindow& window) const;
  RebalanceProposal propose(const ExpertLoad& load, const std::vector<Change>& changes) const;
  Seconds busiest_time(const LayerPlacement& map, std::span<const double> load) const;
  Seconds idle_time(const std::vector<Change>& changes) const;
  RebalanceRecord describe(int step, const ExpertLoad& load,
                           const std::vector<Change>& changes) const;
  TaskGraph copy_and_wait(int step);
  void copy_beside(int step, Engine& engine);
  Exchange copy(const ByteMatrix& bytes, bool everybody_waits) const;
  Compute planning() const;
  // The first of what is pending, from the step after `step` on.
  void take_effect(int step, std::size_t changes);

  const Scenario& scenario_;
  const CostModel& cost_;
  PlacementRequest site_;
  std::shared_ptr<const Placement> placement_;
  std::unique_ptr<Rebalance> policy_;
  RebalanceOptions options_;
  std::unique_ptr<PlacementPolicy> maps_;
  std::optional<OnlineWindow> seen_;
  double imbalance_ = 0, even_ = 0;  // of the step, sums over layers: largest over mean; SGLang's
  std::deque<Change> pending_;       // decided, not in effect
  bool planned_ = true;              // the planning of what is pending has been charged
  std::vector<RebalanceRecord> records_;
  std::map<int, double> bytes_of_step_;  // between GPUs
  std::unique_ptr<BackgroundCopies> background_;
};

}  // namespace moesim
