// A run of two steps, two MoE layers and two GPUs, with figures that are easy to check by hand.
#pragma once

#include "sim/model/run_result.hpp"
#include "sim/model/scenario.hpp"
#include "tests/support/clusters.hpp"

namespace moesim {

inline Scenario example_scenario() {
  Scenario scenario;
  scenario.name = "example";
  scenario.model.name = "Tiny-8x1";
  scenario.workload = {.phase = WorkloadPhase::kDecode, .tokens_per_gpu = 500, .steps = 2};
  scenario.cluster = std::make_shared<Cluster>(build_cluster(test_spec(1), "nvlink_domain"));
  scenario.trace.kind = "balanced";
  scenario.gate.kind = "as_recorded";
  scenario.capacity.kind = "none";
  scenario.placement.kind = "linear";
  scenario.replica.kind = "round_robin_flat";
  scenario.exchange.kind = "direct";
  scenario.overlap.kind = "none";
  scenario.rebalance.kind = "none";
  scenario.resolved = parse_yaml(text_source("example.yaml",
                                             "schema: moesim.scenario/1\n"
                                             "name: example\n"
                                             "cluster: {preset: h200-sxm-ib400}\n"
                                             "model: {experts: 8, name: \"12\"}\n"
                                             "network: {tolerance: 0.003, force: false}\n"));
  return scenario;
}

inline PhaseSeconds phases(double attention, double dispatch, double experts, double combine,
                           double wait) {
  PhaseSeconds seconds{};
  seconds[static_cast<std::size_t>(Phase::kAttention)] = attention;
  seconds[static_cast<std::size_t>(Phase::kDispatch)] = dispatch;
  seconds[static_cast<std::size_t>(Phase::kExperts)] = experts;
  seconds[static_cast<std::size_t>(Phase::kCombine)] = combine;
  seconds[static_cast<std::size_t>(Phase::kWait)] = wait;
  return seconds;
}

// Under way and hidden, in seconds.
struct Hiding {
  double under_way = 0, hidden = 0;
};

inline CommunicationRecord communication(Hiding dispatch, Hiding combine, Hiding any) {
  CommunicationRecord record{.any_under_way = any.under_way, .any_hidden = any.hidden};
  record.under_way[static_cast<std::size_t>(Phase::kDispatch)] = dispatch.under_way;
  record.under_way[static_cast<std::size_t>(Phase::kCombine)] = combine.under_way;
  record.hidden[static_cast<std::size_t>(Phase::kDispatch)] = dispatch.hidden;
  record.hidden[static_cast<std::size_t>(Phase::kCombine)] = combine.hidden;
  return record;
}

inline RunResult example_result() {
  RunResult result{.scenario = "example", .seed = 7, .gpus = 2, .nodes = 1};
  result.steps = {
      {.step = 0,
       .seconds = 0.010,
       .breakdown = phases(0.002, 0.001, 0.004, 0.001, 0.002),
       .communication = communication({0.001, 0}, {0.002, 0.001}, {0.003, 0.001}),
       .imbalance = {1.2, 2.0, 0.2, 0.05, 0.8},
       .vllm_mean = 100,
       .vllm_max = 125,
       .tokens = 1000,
       .routes = 4000,
       .dropped_routes = 100,
       .dropped_tokens = 10,
       .rows = 5200,
       .nvlink_bytes = 3e6,
       .network_bytes = 1e6},
      {.step = 1,
       .seconds = 0.030,
       .breakdown = phases(0.004, 0.003, 0.012, 0.003, 0.008),
       .communication = communication({0.003, 0.002}, {0.006, 0.001}, {0.009, 0.003}),
       .imbalance = {1.4, 3.0, 0.4, 0.15, 0.6},
       .vllm_mean = 100,
       .vllm_max = 200,
       .tokens = 1000,
       .routes = 4000,
       .dropped_routes = 300,
       .dropped_tokens = 30,
       .rows = 4800,
       .nvlink_bytes = 5e6,
       .network_bytes = 2e6},
  };
  result.layers = {{.layer = 0, .model_layer = 1, .seconds = 0.008, .hottest_gpu = 1},
                   {.layer = 1, .model_layer = 2, .seconds = 0.012, .hottest_expert = 5}};
  result.gpu_records = {{.gpu = 0, .node = 0, .routes = 1800, .busy = 0.5, .memory_bytes = 40e9},
                        {.gpu = 1, .node = 0, .routes = 2200, .busy = 0.75, .memory_bytes = 60e9}};
  result.hot = {{.layer = 1, .gpu = 1, .expert = 5, .seconds = 0.0005}};
  const std::vector<PhaseUse> phases = {{.phase = Phase::kDispatch, .bytes = 1e6, .use = 0.2},
                                        {.phase = Phase::kCombine, .bytes = 3e6, .use = 0.05}};
  result.links.classes = {
      {.kind = LinkKind::kNvLink,
       .links = 4,
       .bytes = 8e6,
       .use_mean = 0.125,
       .busiest = {.name = "node0.gpu1.nvlink_out",
                   .kind = LinkKind::kNvLink,
                   .bytes = 4e6,
                   .use = 0.25,
                   .phases = phases},
       .phases = phases},
      {.kind = LinkKind::kNic,
       .links = 4,
       .bytes = 3e6,
       .use_mean = 0.25,
       .busiest = {
           .name = "node0.gpu1.nic_in", .kind = LinkKind::kNic, .use = 0.5, .background = 0.3}}};
  result.links.hottest = {result.links.classes[1].busiest, result.links.classes[0].busiest};
  result.mfu = 0.2;
  result.gpu_use = 0.625;
  result.warnings = {"8 recorded layers are repeated for 16"};
  result.calibrations = {"h200-sxm"};
  result.errors = {{.kernel = "experts", .mape = 0.06, .measured = true},
                   {.kernel = "attention", .measured = false},
                   {.kernel = "nccl", .mape = 0.10, .measured = true}};
  result.fidelity = "fluid";
  result.tolerance = 0.003;
  result.routing_detail = "counts";
  result.inputs = {{"scenarios/models/tiny.yaml", "fnv1a:0123"}};
  return result;
}

}  // namespace moesim
