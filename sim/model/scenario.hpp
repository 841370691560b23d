// A scenario: everything that decides a run, read and checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/registry.hpp"
#include "sim/base/yaml.hpp"
#include "sim/model/moe_model.hpp"

namespace moesim {

enum class WorkloadPhase { kPrefill, kDecode };

struct Workload {
  WorkloadPhase phase = WorkloadPhase::kPrefill;
  int tokens_per_gpu = 0;  // new tokens of each GPU in a step
  int context = 0;         // prefill: prompt length; decode: KV length of a sequence, in tokens
  int steps = 1;           // measured
  int warmup_steps = 0;    // run before, not measured
};

struct Parallel {
  int ep = 0;  // GPUs that share the routed experts of a layer
  int tp = 1, pp = 1, etp = 1;
};

struct Scenario {
  std::string name;
  std::uint64_t seed = 1;
  MoeModel model;
  YamlNode cluster;  // resolved section: read by build_cluster (sim/topology)
  Parallel parallel;
  Workload workload;
  Choice trace, gate, capacity, placement, replica, exchange, overlap, rebalance;
  std::vector<YamlNode> calibrations;  // names, paths or inline sections, in the order of merging
  Arguments network;
  YamlNode resolved;                // the whole, defaults written out; re-runnable
  std::vector<std::string> inputs;  // files that were read, as shown in messages
};

}  // namespace moesim
