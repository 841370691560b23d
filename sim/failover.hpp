// Tells the events of the steps that end, and does what is to be done between two steps when GPUs
// fail or come back: everybody stops, a new map is made for the GPUs that live, and weights are
// copied from survivors, or loaded where there is none.
#pragma once

#include <optional>
#include <vector>

#include "sim/event_timeline.hpp"
#include "sim/layer_builder.hpp"
#include "sim/model/memory.hpp"
#include "sim/model/run_result.hpp"
#include "sim/placement_request.hpp"

namespace moesim {

class Failover {
 public:
  // `site`: what maps are made for, `known`: the load before the run. Throws InputError where the
  // policy cannot place the experts on the GPUs that live in some step.
  Failover(const Scenario& scenario, EventTimeline& timeline, PlacementRequest site,
           LoadWindow known);

  // What the policies want to see of the routes.
  static RoutingDetail needs(const Scenario& scenario, const EventTimeline& timeline);
  // The map of the first step: `placement`, or one for the GPUs that live in it.
  Placement first(Placement placement, int step);
  // What brought its weights there was a recovery, too.
  void begin(RecoveryRecord record) { records_.push_back(record); }
  // A layer of the step under way was built.
  void layer_built(LayerId layer, const LayerLoad& load);

  struct Change {
    Placement placement;
    std::vector<GpuId> dead;
    TaskGraph recovery;  // before the next step
  };
  // After all layers of `step` were built: whether other GPUs live in the next. `present` is the
  // map in use.
  std::optional<Change> between_steps(int step, const Placement& present);

  // The next recovery has ended, and took so long.
  void recovered(Seconds time) { records_[recovered_++].stall_s = time.value; }
  const std::vector<RecoveryRecord>& records() const { return records_; }
  // GPUs whose memory does not hold what falls to them while others are dead, as warnings.
  // `request` is that of the run while all live.
  std::vector<std::string> memory_warnings(MemoryRequest request) const;

 private:
  struct Copies {
    ByteMatrix between;              // [source × target]; the diagonal is inside a GPU
    IdVector<GpuId, double> loaded;  // [gpus]
  };

  const Recovery& recovery_at(int step, bool fails) const;
  int slots_on(int live) const;  // of each of so many live GPUs
  Placement place(const std::vector<GpuId>& dead, const Recovery& recovery, LoadWindow load,
                  const Placement* present) const;
  void check_all() const;
  Copies copies_for(const Placement& before, const Placement& after,
                    const std::vector<GpuId>& dead) const;
  TaskGraph recovery_graph(int step, const Recovery& recovery, Seconds pause, Copies copies,
                           const std::vector<GpuId>& dead) const;
  void record(int step, const std::vector<GpuId>& dead, Seconds pause, const Copies& copies);

  const Scenario& scenario_;
  EventTimeline& timeline_;
  PlacementRequest site_;
  LoadWindow known_;
  int usual_slots_ = 0;      // of a GPU, while all live
  bool idle_ = true;         // no GPU ever fails
  ExpertLoad step_load_;     // of the step under way
  std::vector<GpuId> dead_;  // in the step under way
  std::optional<OnlineWindow> seen_;
  std::vector<RecoveryRecord> records_;
  std::size_t recovered_ = 0;
};

}  // namespace moesim
