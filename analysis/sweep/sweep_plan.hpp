// What a sweep asks for: every point's scenario, checked, and the runs that answer it.
#pragma once

#include <functional>

#include "analysis/sweep/sweep_points.hpp"
#include "analysis/sweep/sweep_store.hpp"

namespace moesim {

struct SweepPlan {
  SweepHeading heading;
  std::string program;  // version and digest: what another program made is made again
  YamlNode base;        // the scenario with the keys of every point
  std::vector<SweepPoint> points;
  std::vector<SweepAim> aims;  // by point, then seed
};

// Reads the sweep and the scenario of each point; `overrides` as of --set. A point that is no valid
// scenario has an aim with its error. Throws InputError with the mistakes of the file where no
// point is valid, or none that has a certain key because of that key. `only` are the points to look
// at, if not all; only they have aims. `progress` is told how many points of how many are checked.
SweepPlan plan_sweep(const std::string& path, const std::vector<std::string>& overrides,
                     const std::set<int>& only = {},
                     const std::function<void(std::int64_t, std::int64_t)>& progress = {});

// Simulates; what a SweepRecord holds of the run, as JSON. Throws InputError.
std::string simulate_aim(const SweepPlan& plan, const SweepAim& aim);

// The record of a run that ended, `document` as simulate_aim() made it.
SweepRecord record_of(const SweepPlan& plan, const SweepAim& aim, const std::string& document);
SweepRecord failed_record(const SweepPlan& plan, const SweepAim& aim, int exit_code,
                          const std::string& error);

}  // namespace moesim
