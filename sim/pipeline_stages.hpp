// The stages of a pipeline under way: their lanes, what they send each other, and what is told of
// it.
#pragma once

#include <memory>
#include <vector>

#include "sim/hot_spots.hpp"
#include "sim/lane.hpp"
#include "sim/run_recorder.hpp"
#include "sim/simulate.hpp"
#include "sim/stretch.hpp"

namespace moesim {

// A micro-batch of a step.
struct MicroBatch {
  int step = 0;
  int index = 0;
};

class PipelineStages {
 public:
  // `passes` has the trace, the routes and the layers: its steps are micro-batches.
  PipelineStages(const Scenario& scenario, const Stretch& passes, Engine& engine,
                 RunRecorder& recorder, const RunListener& listener);
  PipelineStages(const PipelineStages&) = delete;
  PipelineStages& operator=(const PipelineStages&) = delete;

  // A lane on all GPUs of some stages, ascending.
  std::unique_ptr<Lane> make_lane(const std::vector<int>& stages,
                                  std::function<std::vector<Piece>()> more);
  // The stages' own lanes, [stages].
  void add_lane(std::function<std::vector<Piece>()> more);
  Lane& lane(int stage) { return *lanes_[static_cast<std::size_t>(stage)]; }

  const Scenario& scenario() const { return scenario_; }
  const Stretch& passes() const { return passes_; }
  const Placement& placement() const { return *placement_; }
  // That are run. Where steps overlap, one more than is told of, so that the last of those shares
  // the GPUs with it as the others do with theirs.
  int steps() const { return steps_; }
  // The step of the trace that a micro-batch has.
  int pass_of(MicroBatch batch) const {
    return batch.step * scenario_.workload.micro_batches + batch.index;
  }

  // `size` bytes from every GPU of a stage to the one at the same place of another, which gets the
  // signal.
  Piece transfer(int from, int to, Signal signal, Bytes size);
  // The forward pass over a layer was built.
  void built(MicroBatch batch, int layer, int moe_layer, const LayerLoad& load);
  // Another pass over a layer sends its bytes again.
  void sent(int step, const LayerLoad& load) { recorder_.exchanged(step, load); }
  void step_ended(Seconds time);
  const HotSpotCandidates& hot_spots() const { return hot_spots_; }

 private:
  const Scenario& scenario_;
  const Stretch& passes_;
  Engine& engine_;
  RunRecorder& recorder_;
  const RunListener& listener_;
  std::shared_ptr<const Placement> placement_;
  int told_ = 0, steps_ = 0, ended_ = 0;
  std::vector<std::unique_ptr<Lane>> lanes_;
  HotSpotCandidates hot_spots_;
};

// The graph as one of a step, and one of its passes over a layer.
TaskGraph placed(TaskGraph graph, int step, int pass);

}  // namespace moesim
