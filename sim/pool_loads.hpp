// What the steps of a pool ask of experts and links, summed over steps that were simulated and
// those that a step cache takes for mixtures of them.
#pragma once

#include <map>
#include <tuple>
#include <vector>

#include "sim/engine/engine.hpp"
#include "sim/model/run_result.hpp"

namespace moesim {

class PoolLoads {
 public:
  // Of one step: bytes of each link, bytes on its wire, then rows by place. Thousands of steps may
  // be kept, so that they are as small as they can be.
  using Step = std::vector<float>;

  // `loads`: of the step, by the pool's GPUs. `links`: of all phases together.
  Step step(const std::vector<ExpertLoadRecord>& loads, const LinkUse& links);
  // Counts the step so many times.
  void add(const Step& step, double times);
  // Into the pool's records; `time`: that its steps took. `first`: its first GPU in the cluster.
  void report(const Cluster& cluster, GpuId first, Seconds time, PoolSummary& pool) const;

 private:
  using Place = std::tuple<int, int, int>;  // MoE layer, GPU, expert
  std::map<Place, std::size_t> places_;     // those that had a copy in any step
  std::vector<double> sums_;
};

}  // namespace moesim
