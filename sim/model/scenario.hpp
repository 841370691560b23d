// A scenario: everything that decides a run, read and checked.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/registry.hpp"
#include "sim/base/yaml.hpp"
#include "sim/model/cluster.hpp"
#include "sim/model/grid.hpp"
#include "sim/model/launch.hpp"
#include "sim/model/moe_model.hpp"
#include "sim/model/network.hpp"
#include "sim/model/serving.hpp"
#include "sim/model/training.hpp"
#include "sim/model/workload.hpp"

namespace moesim {

struct Scenario;

// A part of the cluster that serves on its own terms: a scenario with a cluster of its own.
struct PoolScenario {
  std::string name;  // "prefill" or "decode"
  std::shared_ptr<const Scenario> scenario;
};

// Tokens of a request class, and whose routing they have (RequestClass).
struct ClassShare {
  std::string domain;
  double tokens = 1;  // of all tokens
};

struct Scenario {
  std::string name;
  std::uint64_t seed = 1;
  MoeModel model;
  std::shared_ptr<const Cluster> cluster;
  std::shared_ptr<const Grid> grid;
  Workload workload;
  Launching launching;
  Choice lengths{.kind = "fixed"};
  Choice trace, gate, capacity, placement, replica, exchange, overlap, rebalance, step_placement;
  Choice cache{.kind = "none"}, prefetch{.kind = "none"};
  Choice schedule;  // of micro-batches over pipeline stages
  Training training;
  // Of a scenario that serves: without `requests` the kinds of all four are empty.
  Choice requests, batching, queue, router;
  ServingOptions serving;
  std::vector<Choice> events;  // in the order in which they are written
  YamlNode calibration;        // a name, path or inline section, or a list of them
  NetworkOptions network;
  YamlNode resolved;                // the whole, defaults written out; re-runnable
  std::vector<std::string> inputs;  // files that were read
  Spot workload_spot;               // for messages on what does not fit
  std::vector<PoolScenario> pools;  // in the order of the cluster's nodes; none: all is one pool
  std::optional<StepCacheOptions> step_cache;  // serving; none: every step is simulated
  std::vector<ClassShare> class_shares;        // [request classes]; empty: nobody tells them apart
  bool serves() const { return !requests.kind.empty(); }
};

}  // namespace moesim
