// Runs what a sweep's file of results does not have yet.
#pragma once

#include "analysis/sweep/sweep_plan.hpp"

namespace moesim {

// Of aims with the same run, the first; none that has finished, and none that cannot run.
std::vector<const SweepAim*> pending_aims(const SweepPlan& plan,
                                          const std::set<std::string>& finished);

struct SweepRunOptions {
  int jobs = 1;
  bool show_progress = false;
  // Whether a child that somebody killed (out of memory) has failed. Else it has not run: on a
  // machine that others may take away, nobody knows why it was killed.
  bool killed_is_failed = true;
};

// Simulates each aim in a child, and stores what becomes of it as soon as it ends. Throws
// Interrupted; what has ended by then is kept.
void run_aims(const SweepPlan& plan, const std::vector<const SweepAim*>& aims, SweepStore& store,
              const SweepRunOptions& options);

}  // namespace moesim
