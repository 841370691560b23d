// What a run measured, before anybody derives a metric: one record per step, layer and GPU.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/ids.hpp"
#include "sim/base/units.hpp"
#include "sim/model/cost_model.hpp"
#include "sim/model/gate_record.hpp"
#include "sim/model/offload_record.hpp"
#include "sim/model/serving_result.hpp"
#include "sim/model/task_graph.hpp"

namespace moesim {

using PhaseSeconds = std::array<double, kPhases>;  // seconds, indexed by Phase

struct ImbalanceRecord {
  double gpu_max_over_mean = 0, expert_max_over_mean = 0, gpu_cv = 0, gpu_gini = 0;
  double balancedness_sglang = 0;
};

// For how long a GPU's communication was under way, mean over GPUs. A phase is under way while at
// least one of its flows, start-ups or waits for a copy is; it is hidden while a kernel runs on the
// GPU beside it, on any stream, and exposed else. Two phases may be under way at once, and then the
// breakdown counts the instant to the one that began first.
struct CommunicationRecord {
  PhaseSeconds under_way{}, hidden{};  // of the phases that communicate
  double any_under_way = 0, any_hidden = 0;
};

struct StepRecord {
  int step = 0;
  double seconds = 0;        // end of the step before (on the last GPU) to the end of this
  PhaseSeconds breakdown{};  // mean over GPUs; sums to `seconds`
  CommunicationRecord communication;
  ImbalanceRecord imbalance;           // mean over layers
  double vllm_mean = 0, vllm_max = 0;  // Σ over layers of mean and max GPU load
  std::int64_t tokens = 0;             // new tokens of all GPUs, each counted once
  // Over all MoE layers of the step. A dropped token is a (token, layer) without a kept route; rows
  // are what the expert kernels compute, padding included.
  std::int64_t routes = 0, dropped_routes = 0, dropped_tokens = 0, rows = 0;
  bool dropped_tokens_known = true;
  double nvlink_bytes = 0, network_bytes = 0, migration_bytes = 0;  // of all GPUs
  GateRecord gate;                                                  // over all MoE layers
  std::int64_t rerouted_routes = 0;  // to another expert, because the one asked for was full
  int live_gpus = 0;
  // To experts that events do not let tokens ask for: now to another, and to none.
  std::int64_t redirected_routes = 0, lost_routes = 0;
  // Of dead GPUs: served by the live ones, and served by nobody (not in `tokens`).
  std::int64_t moved_tokens = 0, lost_tokens = 0;
  OffloadRecord offload;
};

// Experts that are not all in the GPUs' memory.
struct OffloadSetup {
  int slots = 0;            // experts of all layers that a GPU keeps
  int experts = 0;          // that a GPU would have to keep; of the GPU with the most
  double expert_bytes = 0;  // of one
};

struct LayerRecord {
  int layer = 0;              // MoE layer
  int model_layer = 0;        // its place in the model
  double seconds = 0;         // mean over steps, first start to last end over GPUs of each pass
  ImbalanceRecord imbalance;  // mean over steps
  int hottest_gpu = 0;        // by load, over all steps
  int hottest_expert = 0;
  std::int64_t dropped_routes = 0;
  double travelling_experts = 0;  // that came to the tokens of a batch, mean over steps
};

// What a GPU computes for an expert that it has.
struct ExpertLoadRecord {
  int layer = 0;  // MoE layer
  int gpu = 0, expert = 0;
  double rows = 0;  // mean per step, padding included
};

struct GpuRecord {
  int gpu = 0, node = 0;
  PhaseSeconds breakdown{};  // mean per step
  double routes = 0;         // mean per step, over all layers
  double busy = 0;           // share of the time with a kernel running
  double memory_bytes = 0;
};

// A GPU in a layer whose load costs time.
struct HotSpot {
  int layer = 0, gpu = 0, expert = 0;
  double seconds = 0;  // step time now − step time with that GPU-layer at mean load
};

// A new map of experts.
struct RebalanceRecord {
  int step = 0;       // after which it was decided; below 0: a warm-up step
  int effective = 0;  // the first step that ran with all of it
  int layers = 0;     // that change
  int slots = 0;      // whose expert changes
  // Largest over mean GPU load on the estimated load, mean over all layers.
  double predicted_before = 1, predicted_after = 1;
  // The same of the steps themselves: from the last map, or the first measured step, to `step`, and
  // from `effective` to the next map, or the end. None: no measured step was there.
  std::optional<double> realised_before, realised_after;
  double local_bytes = 0, nvlink_bytes = 0, network_bytes = 0;
  double stall_s = 0;  // planning and copies that everybody waited for
  // Seconds of a step: mean over the same steps, stalls left out.
  std::optional<double> step_before, step_after;
};

// An event of the scenario; steps as in StepRecord.
struct EventRecord {
  std::string kind;
  std::string text;               // what it does
  std::optional<int> first, end;  // the first step with it, and the first without
  int masked_experts = 0;         // that it takes out, over all layers
  // Tokens per second of the steps before it, with it, and after it, the time of recoveries left
  // out. None: there is no such step.
  std::optional<double> before, during, after;
};

// GPUs failed or came back, and everybody else went on.
struct RecoveryRecord {
  int step = 0;       // before which
  int live_gpus = 0;  // from then on
  double pause_s = 0;
  double stall_s = 0;  // of the live GPUs: pause, planning, copies and loading
  // Copied inside GPUs, between them, and loaded because no GPU had them any more.
  double local_bytes = 0, nvlink_bytes = 0, network_bytes = 0, loaded_bytes = 0;
};

// What one link, or a class of links, did in a phase.
struct PhaseUse {
  Phase phase = Phase::kDispatch;
  double bytes = 0;  // payload per step
  double use = 0;    // wire time ÷ time of the steps; of a class: its busiest link's
};

struct LinkRecord {
  std::string name;
  LinkKind kind = LinkKind::kNvLink;
  double bytes = 0;                      // payload per step
  double use = 0;                        // 0–1, over all phases
  std::vector<PhaseUse> phases;          // with traffic; not of LinkReport::all
  double background = 0, hash_loss = 0;  // shares of the link that were lost
  std::string from, to;                  // what it joins; of LinkReport::all only
  double bandwidth = 0;                  // bytes per second
  bool can_fill = true;                  // false: no traffic can, and nobody counted its use
};

struct LinkClassRecord {
  LinkKind kind = LinkKind::kNvLink;
  int links = 0;        // that can be full
  double bytes = 0;     // payload per step, over all its links; of spines: between leaves
  double use_mean = 0;  // 0–1, over its links
  LinkRecord busiest;   // no name: none carried anything
  std::vector<PhaseUse> phases;
};

struct LinkReport {
  std::vector<LinkClassRecord> classes;     // in the order of LinkKind, where there are such links
  std::vector<LinkRecord> hottest;          // by use
  std::vector<LinkRecord> all;              // in the order of the cluster
  double largest_use(LinkKind kind) const;  // 0 without such a link
};

// The steps of a pool that serves.
struct PoolSummary {
  std::string name;
  StepRecord mean;
  int steps = 0;
  std::optional<StepCacheRecord> cache;  // none: every step was simulated
  // As RunResult's, by the GPUs of the cluster; means over the pool's steps.
  std::vector<ExpertLoadRecord> expert_loads;
  // What the pool's steps put on the links of the whole cluster, as LinkReport::all; `use` is of
  // the time of those steps.
  std::vector<LinkRecord> links;
};

struct RunResult {
  std::string scenario;
  std::uint64_t seed = 0;
  int gpus = 0, nodes = 0;
  double output_per_token = 1;    // as Workload's
  std::vector<StepRecord> steps;  // measured ones
  std::vector<LayerRecord> layers;
  std::vector<ExpertLoadRecord> expert_loads;  // by layer, GPU and expert
  std::vector<GpuRecord> gpu_records;
  std::vector<HotSpot> hot;
  LinkReport links;
  std::vector<RebalanceRecord> rebalances;
  // Temporary copies of experts that a GPU had at a time, at most: [gpus]; empty: never any.
  std::vector<int> temporary_copies;
  std::optional<OffloadSetup> offload;  // none: every expert has its slot
  std::vector<EventRecord> events;
  std::vector<RecoveryRecord> recoveries;
  // Serving: `steps` has the mean of the last pool's then.
  std::optional<ServingResult> serving;
  std::vector<PoolSummary> pools;
  double mfu = 0, gpu_use = 0;
  std::vector<std::string> warnings;
  std::vector<std::string> calibrations;
  std::vector<HeldOutError> errors;
  std::string fidelity;
  double tolerance = 0;
  // Of a simplified network: its time of a few layers over that of `fluid`, minus 1.
  std::optional<double> network_error;
  std::string routing_detail;                               // "ids" or "counts"
  std::vector<std::pair<std::string, std::string>> inputs;  // file as shown, digest
};

}  // namespace moesim
