// Experts that are not all in the GPUs' memory, in a run: plans what every layer fetches, splits
// its kernels, starts the copies when the simulated GPUs ask for them, and lets the GPUs go on when
// they have come.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "sim/expert_copies.hpp"
#include "sim/model/run_result.hpp"
#include "sim/offload_plan.hpp"
#include "sim/split_experts.hpp"

namespace moesim {

class Offload {
 public:
  // `span`, if any, hears of copies. Throws InputError.
  Offload(const Scenario& scenario, const Trace& trace, const CostModel& cost,
          const LayerBuilder& builder, const Placement& placement, const OffloadSizes& sizes,
          std::function<void(const Span&)> span);

  // Adds the copies' producers to the engine. `steps` is the one whose layers are planned.
  void start(Engine& engine, const Producer& steps);
  // Fragment `fragment` of `steps` is this layer.
  void layer_built(int fragment, StepId step, LayerId layer, const LayerLoad& load,
                   TaskGraph& graph);
  // A node of `steps` has ended on a GPU.
  void done(int fragment, int node, GpuId gpu);
  void fragment_done(int fragment) { running_.erase(fragment); }
  // No step comes after this.
  void stop();
  // Steps before `warmup` are not in `result`.
  void report(int warmup, RunResult& result) const;

 private:
  enum class CopyState { kWaits, kUnderWay, kArrived };
  // A layer that was built and has not ended.
  struct Running {
    int step = 0;
    ExpertWait wait;
    std::vector<GpuTurn> turns;
    IdVector<GpuId, int> left;  // copies, and work of the CPU, that each GPU waits for
  };
  struct Waiter {
    int fragment = -1;
    GpuId gpu;
  };

  void ask(int fragment, GpuId gpu);
  int ask_for_copies(int fragment, GpuId gpu, const GpuTurn& turn, OffloadRecord& record);
  void begun(CopyId id);
  void arrived(CopyId id);
  void one_less(const Waiter& waiter);
  CopyState& state_of(CopyId id);
  OffloadRecord& record_of(int step);
  CopyLane::Copy request(CopyId id) const;

  const Scenario& scenario_;
  const CostModel& cost_;
  const OffloadSizes& sizes_;
  CacheOptions options_;
  GatedTrace gates_;
  std::unique_ptr<OffloadPlan> plan_;
  std::vector<std::unique_ptr<CopyLane>> lanes_;  // [gpus]
  std::vector<std::unique_ptr<CpuLane>> cpus_;    // [gpus]
  Engine* engine_ = nullptr;
  const Producer* steps_ = nullptr;
  std::map<int, Running> running_;               // by fragment
  std::vector<CopyState> states_;                // by copy
  std::map<CopyId, Waiter> waiting_;             // for a copy
  std::vector<std::deque<Waiter>> cpu_waiting_;  // [gpus], in the order of the work
  std::vector<OffloadRecord> records_;           // [steps], warm-up first
};

// None without `sizes`.
std::unique_ptr<Offload> make_offload(const Scenario& scenario, const Trace& trace,
                                      const CostModel& cost, const LayerBuilder& builder,
                                      const Placement& placement,
                                      const std::optional<OffloadSizes>& sizes,
                                      std::function<void(const Span&)> span);

}  // namespace moesim
