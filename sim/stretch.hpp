// A stretch of a run in which the model is the same: all of it, unless experts are expanded.
#pragma once

#include <memory>
#include <vector>

#include "sim/failover.hpp"
#include "sim/rebalancer.hpp"
#include "sim/run_memory.hpp"

namespace moesim {

// Everything that builds steps. Its parts refer to each other, so it stays where it was made.
struct Stretch {
  // `trace` fits the scenario's model. Steps count from 0 over all steps of the run; `span` hears
  // of copies beside the steps. Throws InputError.
  Stretch(const Scenario& whole, int first, std::unique_ptr<Trace> routes, const CostModel& cost,
          std::function<void(const Span&)> span);
  Stretch(const Stretch&) = delete;
  Stretch& operator=(const Stretch&) = delete;

  Scenario scenario;  // with the model of the stretch
  int first_step = 0;
  EventTimeline timeline;
  std::unique_ptr<Trace> trace;
  LayerBuilder builder;
  PlacementRequest site;
  ExpertLoad load;                    // that `placement` was made for
  Placement placement;                // the first, while all GPUs live
  std::optional<OffloadSizes> sizes;  // none: every expert has its slot
  Failover failover;
  Rebalancer rebalancer;
};

using Stretches = std::vector<std::unique_ptr<Stretch>>;

// In the order of the run; at least one.
Stretches make_stretches(const Scenario& scenario, const CostModel& cost,
                         const std::function<void(const Span&)>& span);

// What everybody does before the first step of `next`: children get their parents' weights.
TaskGraph enter_stretch(const Stretch& before, Stretch& next);

MemoryRequest memory_request(const Stretch& stretch);

// What events, failures and maps did: fills in `result`, whose measured steps are complete.
void report_stretches(const Stretches& stretches, RunResult& result);

}  // namespace moesim
