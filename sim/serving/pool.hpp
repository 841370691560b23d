// The data-parallel ranks of a pool, which step together.
#pragma once

#include <vector>

#include "sim/serving/rank.hpp"

namespace moesim {

// How things stand when a step may begin.
struct StepMoment {
  double now = 0;
  bool flush = false;  // nothing happens any more unless a step begins
  bool all_sent = false;
  int under_way = 0;  // requests in all pools and between them
  int outside = 0;    // that wait for this pool and are at none of its ranks
};

class Pool {
 public:
  Pool(ServingState& state, StepClock& clock, PoolKind kind, int index);

  // Begins a step if any rank has something to compute; or if no rank is alive and somebody waits.
  // False: it did not.
  bool begin_step(const StepMoment& moment, Departures& departures);
  // Ends the step. What ranks had that failed in it is the caller's to clear.
  const StepOutcome& end_step(Departures& departures);

  bool stepping() const { return stepping_; }
  double begin() const { return record_.begin; }
  double end() const { return record_.end; }
  // When to ask again, where no step began; kForever: when something has happened.
  double wake() const { return stepping_ ? kForever.value : wake_; }
  // From the begin of the step: see StepOutcome.
  const StepOutcome& outcome() const { return outcome_; }
  // Seconds that the KV cache of so many tokens takes on its own to the next pool.
  double kv_time(double tokens) const { return clock_.kv_time(tokens).value; }

  // Where the request goes: of the ranks that are alive and, with `room`, can take its KV cache
  // now. −1: there is none.
  int choose_rank(const Life& life, bool room);
  Rank& rank(int index) { return ranks_[static_cast<std::size_t>(index)]; }
  bool alive() const;
  // Prompts that the step completes, of all ranks.
  std::vector<int> completing() const;

 private:
  int present() const;  // requests at its ranks
  void note_step(const StepMoment& moment);
  void note_classes();

  ServingState& state_;
  const PoolSetup& setup_;
  StepClock& clock_;
  PoolKind kind_;
  int index_ = 0;
  std::vector<Rank> ranks_;
  int previous_ = -1;  // rank that was chosen last
  bool stepping_ = false;
  double wake_ = kForever.value;
  StepBatch batch_;
  StepOutcome outcome_;
  ServingStep record_;
};

}  // namespace moesim
