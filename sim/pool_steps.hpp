// Simulates steps of a pool of GPUs, one at a time: all layers of a step, with any batch.
//
// Nothing else runs meanwhile but what the pool itself has begun: copies of experts, and the KV
// cache of its prompts, which leaves for the GPUs that decode as soon as a layer has made it.
#pragma once

#include <deque>
#include <optional>

#include "sim/kv_sends.hpp"
#include "sim/launches.hpp"
#include "sim/run_recorder.hpp"
#include "sim/serving/step_clock.hpp"
#include "sim/stretch.hpp"

namespace moesim {

struct PoolStep {
  StepRecord record;
  double kv_sent = 0;  // seconds from the start of the step
  std::vector<ExpertLoadRecord> expert_loads;
  LinkUse links;  // all phases of it, and of what was run alone before it
};

class PoolSteps final : public Producer {
 public:
  // `stretch`, `engine` and `sends` (none: its prompts' KV cache stays) live as long. `part`: the
  // pool's GPUs among the engine's.
  PoolSteps(Stretch& stretch, Engine& engine, GpuPart part, KvSends* sends);

  // The `number`-th step, whose routes are drawn for it.
  PoolStep simulate(const StepBatch& batch, int number);
  // What everybody does between two steps (a new map, a recovery); the time it takes.
  Seconds run_alone(TaskGraph graph);

  std::optional<TaskGraph> next() override;
  void done(int fragment, int node, GpuId gpu, Seconds time) override;
  void fragment_done(int fragment, Seconds time) override;
  void span(const Span& span) override;

 private:
  struct Fragment {
    int layer = -1;      // of the model; −1: none
    int attention = -1;  // node that is the last to compute attention; −1: none
  };
  TaskGraph build_layer(int layer);
  void run_engine();
  void count_served();  // what has just ended

  Stretch& stretch_;
  Engine& engine_;
  KvSends* sends_ = nullptr;
  HostThread host_;
  std::optional<TaskGraph> alone_;
  int number_ = 0;  // of the step
  int layer_ = 0;   // to be built next; the model's layers: the head; more: the step is whole
  Carried carried_;
  std::optional<RunRecorder> recorder_;  // of the step
  Seconds begin_, end_;
  Seconds served_;  // steps and what was between them, without the time that KV caches took longer
  std::deque<Fragment> under_way_;
  int ended_ = 0;  // fragments
  LinkUse links_;  // since the last step ended
};

// The batch as GPUs of the pool bring it: a tensor-parallel group shares its rank's tokens.
IdVector<GpuId, Sequences> on_gpus(const StepBatch& batch, const Grid& grid);

// What an overlap policy is to divide, where each GPU brings some of a batch: `most` of them.
Workload workload_of(const IdVector<GpuId, Sequences>& batch, const Workload& usual);

}  // namespace moesim
