// Collects what happens in a run into step, layer and GPU records, with flat memory over steps.
//
// The time of a GPU is divided among phases (DESIGN §7): each instant belongs to the kernel that
// runs, else to the GPU's own active flow, else it is waiting. Steps are cut where the last GPU
// ends them, so a step is divided up once the next one has ended (a fast GPU may be ahead by up to
// one step).
#pragma once

#include <map>
#include <vector>

#include "sim/engine/engine.hpp"
#include "sim/layer_builder.hpp"
#include "sim/model/run_result.hpp"
#include "sim/phase_times.hpp"

namespace moesim {

class RunRecorder {
 public:
  RunRecorder(const Scenario& scenario, int warmup_steps);

  // A layer of a step was built: its loads.
  void layer_built(int step, int moe_layer, const LayerLoad& load);
  // Bytes of a further pass over a layer of the step.
  void exchanged(int step, const LayerLoad& load);
  void span(const Span& span);
  // The last GPU has ended the step.
  void step_ended(int step, Seconds time);
  // Closes the records; `end` is the end of the last measured step.
  void finish(RunResult& result);

 private:
  struct LayerTotals {
    ImbalanceRecord imbalance;
    int loads = 0;
    std::map<std::pair<int, int>, std::pair<double, double>> open;  // (step, pass) → begin, end
    double seconds = 0;                                             // over all measured passes
    std::vector<double> gpu, expert;
    std::map<std::pair<int, int>, double> on_gpu;  // (gpu, expert) → rows
    int first_gpu = 0;                             // of `gpu`
    std::int64_t dropped = 0;
    double travelling = 0;  // experts, over all steps
  };

  StepRecord& record_of(int step);
  bool measured(int step) const { return step >= warmup_; }
  void close_step(std::size_t index);
  void close_layer_times(int step);

  const Scenario& scenario_;
  int warmup_ = 0;
  std::vector<StepRecord> steps_;                      // all, warm-up first
  std::vector<int> layers_seen_;                       // of each step
  std::vector<double> ends_;                           // of each step, seconds
  std::size_t closed_ = 0;                             // steps that are divided up
  std::vector<std::vector<PhaseInterval>> intervals_;  // of each GPU, not divided up yet
  std::vector<GpuRecord> gpus_;
  std::vector<int> temporary_copies_;  // most at a time, of each GPU
  std::vector<LayerTotals> layers_;
};

}  // namespace moesim
