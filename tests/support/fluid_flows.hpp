// Flows for tests of the fluid solver, between ports that are links 0, 1, 2 …
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "sim/base/random.hpp"
#include "sim/engine/fluid_solver.hpp"

namespace moesim {

struct TestFlow {
  std::vector<int> links;
  double bytes = 0;
  double start = 0;
};

inline std::vector<BytesPerSecond> rates(const std::vector<double>& capacities) {
  std::vector<BytesPerSecond> rates;
  for (const double capacity : capacities) rates.emplace_back(capacity);
  return rates;
}

// All ends until nothing is under way.
inline FlowEnds run(FluidSolver& solver) {
  FlowEnds ends;
  for (double now; now = solver.next_date().value, std::isfinite(now);) {
    solver.advance(Seconds(now), ends);
    solver.fill(Seconds(now), ends);
  }
  return ends;
}

// All pairs of `gpus` ports (out: 0 .. gpus-1, in: gpus .. 2·gpus-1), some empty, of skewed size.
inline std::vector<TestFlow> random_port_flows(int gpus, std::uint64_t seed, double spread,
                                               double latest_start) {
  Rng rng(seed, Purpose::kRouting);
  std::vector<double> popularity(static_cast<std::size_t>(gpus)), start = popularity;
  for (double& share : popularity) share = std::exp(spread * rng.normal());
  for (double& date : start) date = latest_start * rng.uniform();
  std::vector<TestFlow> flows;
  for (int source = 0; source < gpus; ++source) {
    for (int target = 0; target < gpus; ++target) {
      if (source == target || rng.uniform() < 0.1) continue;
      const double bytes = popularity[static_cast<std::size_t>(target)] * (0.2 + rng.uniform());
      flows.push_back({.links = {source, gpus + target},
                       .bytes = bytes,
                       .start = start[static_cast<std::size_t>(source)]});
    }
  }
  return flows;
}

inline double wire_bound(const std::vector<double>& capacities,
                         const std::vector<TestFlow>& flows) {
  std::vector<double> load(capacities.size(), 0);
  for (const TestFlow& flow : flows)
    for (const int link : flow.links)
      load[static_cast<std::size_t>(link)] +=
          flow.bytes / capacities[static_cast<std::size_t>(link)];
  return *std::max_element(load.begin(), load.end());
}

}  // namespace moesim
