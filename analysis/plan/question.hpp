// The question of a capacity plan: what is to be served, how fast, and on which clusters.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/units.hpp"
#include "sim/base/yaml.hpp"

namespace moesim {

// Rates are per second, means over a long time.
struct PlanWorkload {
  double output = 0, input = 0;  // tokens of answers, tokens of prompts
  double requests = 0;
  int prompt = 0, answer = 0;  // mean tokens
  std::vector<double> growth;  // times the workload, each above 0
};

// Steady-state latencies, at most; 0: any.
struct PlanTargets {
  Seconds tpot;         // mean time per token of an answer
  Seconds step;         // a decode step
  Seconds ttft;         // to the first token
  double headroom = 0;  // capacity must be 1 + so many times the workload
};

// A kind of machine that may be bought.
struct PlanCluster {
  std::string name;
  YamlNode section;               // `cluster:` of a scenario
  YamlNode calibration;           // kNull: the scenario's, or the GPU's
  int max_nodes = 0;              // of the whole deployment
  std::vector<int> decode_nodes;  // of an instance; empty: the pool's
  std::vector<int> prefill_nodes;
  double gpu_hour = 0;                   // dollars
  double gpu_watts = 0, node_watts = 0;  // drawn all the time; of a node beside its GPUs
  Spot spot;
};

// Policies of a pool that go together: sections of a scenario.
struct PlanPolicy {
  std::string name;
  YamlNode sections;
};

struct PlanPool {
  bool planned = true;
  std::vector<int> nodes;  // of an instance, one expert-parallel group
  std::vector<PlanPolicy> policies;
};

struct PlanQuestion {
  std::string name;
  YamlNode model;
  PlanWorkload workload;
  PlanTargets targets;
  std::vector<PlanCluster> clusters;
  PlanPool decode, prefill;
  YamlNode common;     // sections of a scenario, of both pools
  int batch_step = 8;  // sequences of a GPU between two batches that are looked at
  int finalists = 3;   // options of each cluster and pool that are simulated with the full network
  std::uint64_t seed = 1;
  bool verify = false;
  YamlNode resolved;
};

enum class PlanPoolKind { kDecode, kPrefill };

// One way to run a pool: an instance is one expert-parallel group of `nodes` nodes.
struct PlanOption {
  PlanPoolKind pool = PlanPoolKind::kDecode;
  std::size_t cluster = 0, policy = 0;  // of the question; the policy is the pool's
  int nodes = 1;
  auto operator<=>(const PlanOption&) const = default;
};

inline const PlanPool& pool_of(const PlanQuestion& question, PlanPoolKind kind) {
  return kind == PlanPoolKind::kDecode ? question.decode : question.prefill;
}

// "H200, 4 nodes, eplb"
std::string option_text(const PlanQuestion& question, const PlanOption& option);
std::string pool_text(PlanPoolKind kind);  // "decode"

// Tokens per second that the pool must bear, headroom included.
double demand(const PlanQuestion& question, PlanPoolKind kind);

}  // namespace moesim
