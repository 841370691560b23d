// Service level objectives: how long a request may take to be counted as served well.
#pragma once

#include <string>
#include <vector>

#include "sim/base/error.hpp"
#include "sim/base/units.hpp"

namespace moesim {

// At most so long; 0: any.
struct LatencyTargets {
  Seconds ttft, tpot, e2e;
  bool any() const { return ttft.value > 0 || tpot.value > 0 || e2e.value > 0; }
};

struct ClassTargets {
  std::string name;        // of the RequestClass
  LatencyTargets targets;  // all of them, those of every class included
  Spot spot;
};

struct ServiceTargets {
  LatencyTargets all;
  std::vector<ClassTargets> classes;  // that have targets of their own
  // Requests that arrive before are served and not counted.
  Seconds warmup;

  const LatencyTargets& of(const std::string& name) const {
    for (const ClassTargets& one : classes)
      if (one.name == name) return one.targets;
    return all;
  }
};

}  // namespace moesim
