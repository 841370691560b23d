// The answer of a capacity plan.
#pragma once

#include <utility>

#include "analysis/plan/step_source.hpp"

namespace moesim {

// An instance at work: the largest batch that keeps to the targets.
struct OperatingPoint {
  int batch = 0;
  StepAnswer step;
  Seconds latency;  // decode: per token; prefill: to the first token, without a queue
};

enum class OptionState {
  kImpossible,  // cannot be run, whatever the batch
  kNoRoom,      // does not fit into memory
  kTooSlow,     // not even the smallest batch keeps to the targets
  kPruned,      // by the analytic bound: another option of the cluster needs fewer nodes
  kDecided      // simulated with the full network
};
std::string to_string(OptionState state);

struct Candidate {
  PlanOption option;
  OptionState state = OptionState::kPruned;
  std::string why;  // where it is out
  OptionRoom room;
  std::vector<int> grid;  // batches that fit
  std::optional<OperatingPoint> screened, decided;
  std::vector<SeenBatch> seen;       // simulated with the full network
  std::optional<SeenBatch> fastest;  // kTooSlow: the smallest batch
};

// Instances of one option that bear a demand.
struct PoolSize {
  std::size_t candidate = 0;
  OperatingPoint point;
  int instances = 0, nodes = 0, gpus = 0;
  double capacity = 0;  // tokens/s of all instances
};

// How many nodes, as far as kernels' held-out errors leave open. No `high`: with all kernels slower
// by their error, no batch keeps to the targets.
struct NodeBand {
  double error = 0;  // relative, the larger of the pools'
  int low = 0;
  std::optional<int> high;
};

// The fewest nodes of a cluster.
struct Deployment {
  std::size_t cluster = 0;
  PoolSize decode;
  std::optional<PoolSize> prefill;
  int nodes = 0, gpus = 0;
  double dollars_per_hour = 0;
  double dollars_per_million = 0;       // output tokens, at the workload asked for
  double dollars_per_million_full = 0;  // at capacity
  double kwh_per_million = 0;           // at the workload asked for
  double headroom = 0;                  // capacity ÷ workload − 1, of the tighter pool
  std::optional<NodeBand> band;         // none: no kernel says how far it is off
};

// Decode, then prefill where it is planned.
std::vector<const PoolSize*> pools_of(const Deployment& deployment);
// Relative, the larger of the pools' steps; none: no kernel says how far it is off.
std::optional<double> step_error_of(const Deployment& deployment);

// What keeps a cluster from meeting the targets.
struct Miss {
  std::size_t cluster = 0;
  PlanPoolKind pool = PlanPoolKind::kDecode;
  double ratio = 0;  // what it needs ÷ what there is or may be; above 1; 0: it cannot be run at all
  std::string text, mend;
};

struct ParetoPoint {
  PlanOption option;
  int batch = 0;
  Seconds latency;
  double tokens_per_s_per_gpu = 0;
  bool front = false;  // none of the same cluster is as fast and yields as much
};

// The deployment in another world.
struct WhatIf {
  std::size_t deployment = 0;
  std::string name;          // "skew x2"
  std::string why_not;       // it could not be looked at; nothing else holds then
  double share = 0;          // of the workload that it still bears within the targets
  std::optional<int> nodes;  // that would meet them again; none: no number of the same instances
  std::string note;
};

struct GrowthStep {
  double factor = 1;
  std::optional<std::size_t> cluster;  // the cheapest; none: none has nodes enough
  int nodes = 0;
  double dollars_per_hour = 0;
};

// What requests saw that the cheapest deployment served.
struct Verified {
  std::int64_t requests = 0;
  Seconds ttft_mean, ttft_p99, tpot_mean, tpot_p99;
  double attainment = 0;  // share of the requests that met all targets
};

struct PlanAnswer {
  std::vector<Candidate> candidates;
  std::vector<Deployment> deployments;            // one for each cluster that meets the targets
  std::optional<std::size_t> smallest, cheapest;  // of the deployments: GPUs, dollars an hour
  std::vector<Miss> misses;         // clusters that do not meet them, the nearest first
  std::vector<ParetoPoint> pareto;  // by latency
  std::vector<WhatIf> what_ifs;
  std::vector<GrowthStep> growth;
  std::optional<Verified> verified;  // none: nobody asked
  std::vector<std::string> warnings;
  int simulated = 0;
};

}  // namespace moesim
