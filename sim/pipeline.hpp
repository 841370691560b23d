// Runs the steps of a scenario micro-batch by micro-batch through pipeline stages.
//
// Each stage is a lane of its own GPUs: it takes its operations in their order, each as soon as its
// input is there, and sends what the next stage needs beside its next operation. The micro-batches
// of a step take the steps of the trace one after the other: number i of m has the trace's step
// m × step + i.
//
// In prefill and decode a micro-batch enters when its place is free: when the same one of the step
// before has left the last stage, and its new tokens are back at the first. So steps follow each
// other without a flush, and as many micro-batches are under way as a step has; a step is told of
// from the end of the one before to its own. Training has its
// own operations (training_pipeline.hpp).
#pragma once

#include <string>
#include <vector>

#include "sim/pipeline_stages.hpp"
#include "sim/training_pipeline.hpp"

namespace moesim {

// Whether steps are divided into passes that a Pipeline runs.
bool is_pipelined(const Scenario& scenario);
// The scenario whose steps are the passes of one: of it the trace, the routes and the layers are.
Scenario scenario_of_passes(const Scenario& scenario);
// What to know before trusting the numbers.
std::vector<std::string> pipeline_warnings(const Scenario& scenario);

// Kernels that a pass is made of though no calibration can have them.
std::vector<HeldOutError> unmeasured_kernels(const Scenario& scenario);

class Pipeline {
 public:
  // `passes` is of scenario_of_passes().
  Pipeline(const Scenario& scenario, const Stretch& passes, const CostModel& cost, Engine& engine,
           RunRecorder& recorder, const RunListener& listener);

  int steps() const { return stages_.steps(); }  // that are run
  const HotSpotCandidates& hot_spots() const { return stages_.hot_spots(); }

 private:
  using Pieces = std::vector<Piece>;
  Pieces next_operation(int stage);
  void add_layers(int stage, MicroBatch batch, Pieces& pieces);
  void add_way_on(int stage, MicroBatch batch, Pieces& pieces);
  void add_end(int stage, MicroBatch batch, Pieces& pieces);
  TaskGraph build_layer(MicroBatch batch, int layer, Carried& carried);

  PipelineStages stages_;
  const Grid& grid_;
  std::vector<int> given_;  // operations, [stages]
  std::optional<TrainingPipeline> training_;
};

}  // namespace moesim
