// What `moesim validate` predicts for an exchange is what a run charges for it: uniform routing,
// one exchange alone on the engine.
#include <gtest/gtest.h>

#include <algorithm>

#include "sim/calibration/calibrated_cost.hpp"
#include "sim/exchange/exchange_policy.hpp"
#include "sim/model/uniform_exchange.hpp"
#include "sim/placement/placement_policy.hpp"
#include "tests/support/engine_runs.hpp"
#include "tests/support/plugin.hpp"

namespace moesim {
namespace {

constexpr int kHidden = 7168, kTopK = 8, kExperts = 256;

// Every GPU sends the same number of routes to every expert.
Routing uniform_routing(int gpus, int tokens) {
  Routing routing{.top_k = kTopK, .first_token = {0}, .counts = ExpertCounts(gpus, kExperts)};
  for (const GpuId gpu : routing.counts.row_ids()) {
    for (int& count : routing.counts.row(gpu)) count = tokens * kTopK / kExperts;
    routing.first_token.push_back(routing.first_token.back() + tokens);
  }
  return routing;
}

struct Phases {
  double dispatch = 0, combine = 0;  // seconds
};

Phases on_the_engine(const std::string& kind, const Cluster& cluster, const CostModel& cost,
                     int tokens) {
  const MoeModel model{
      .hidden = kHidden, .experts = kExperts, .top_k = kTopK, .expert_dtype = DType::kFp8Block};
  const Routing routing = uniform_routing(cluster.gpus(), tokens);
  const Placement placement = plugin<PlacementPolicy>("linear")->place(
      {.load = ExpertLoad(1, kExperts), .gpus = cluster.gpus()});
  const LayerPlacement& layer = placement.layers[LayerId(0)];
  const Assignment assignment =
      plugin<Replica>("static")->assign({routing, layer, cluster, StepId(0), LayerId(0)});
  const ExchangePlan plan = plugin<ExchangePolicy>(kind)->plan({.routing = routing,
                                                                .assignment = assignment,
                                                                .placement = layer,
                                                                .cluster = cluster,
                                                                .model = model,
                                                                .cost = cost});
  const auto end_of = [&](const Exchange& exchange) {
    const auto ends = run_alone(cluster, {.tolerance = 0}, exchange_graph(exchange), 0);
    return *std::max_element(ends.begin(), ends.end());
  };
  return {end_of(plan.dispatch), end_of(plan.combine)};
}

Phases predicted(const std::string& library, const Cluster& cluster, const CostModel& cost,
                 int tokens) {
  const bool normal = library == "deepep_normal";
  UniformTraffic traffic{
      .family = normal ? ExchangeFamily::kDeduplicated : ExchangeFamily::kPerRoute,
      .tokens = tokens,
      .hidden = kHidden,
      .top_k = kTopK,
      .experts = kExperts,
      .ranks = cluster.gpus(),
      .domains = cluster.nodes(),
      .sms = normal ? 24 : 0};
  const PortRates rates{.nvlink = BytesPerSecond(450e9), .nic = BytesPerSecond(50e9)};
  const auto time = [&](bool dispatch) {
    traffic.dispatch = dispatch;
    const ExchangeCost of_phase =
        cost.exchange(library, dispatch ? "dispatch" : "combine", cluster.nodes() > 1);
    return exchange_time(of_phase, uniform_work(traffic), rates).total().value;
  };
  return {time(true), time(false)};
}

TEST(Agreement, ARunChargesWhatValidatePredicts) {
  const auto cost = make_cost_model(parse_yaml(text_source("test", "hopper-sxm-network")),
                                    GpuSpec{.name = "Hopper SXM"});
  for (const auto& [kind, library] : {std::pair{"hierarchical_dedup", "deepep_normal"},
                                      std::pair{"low_latency", "deepep_low_latency"}}) {
    for (const int nodes : {1, 2, 4}) {
      const Cluster cluster = build_cluster(test_spec(nodes), "rail_optimized");
      for (const int tokens : {32, 256, 4096}) {
        const Phases run = on_the_engine(kind, cluster, *cost, tokens);
        const Phases table = predicted(library, cluster, *cost, tokens);
        const std::string place = std::string(kind) + " nodes " + std::to_string(nodes) +
                                  " tokens " + std::to_string(tokens);
        EXPECT_NEAR(run.dispatch, table.dispatch, 0.02 * table.dispatch) << place;
        EXPECT_NEAR(run.combine, table.combine, 0.02 * table.combine) << place;
      }
    }
  }
}

// NCCL's all-to-all: a bf16 row for every route, an equal share for every rank.
TEST(Agreement, ADirectExchangeChargesWhatTheAllToAllOfNcclTakes) {
  const auto cost = make_cost_model(parse_yaml(text_source("test", "h100-sxm-network")),
                                    GpuSpec{.name = "H100 SXM"});
  const PortRates rates{.nvlink = BytesPerSecond(450e9), .nic = BytesPerSecond(50e9)};
  for (const int nodes : {1, 2, 4}) {
    const Cluster cluster = build_cluster(test_spec(nodes), "rail_optimized");
    for (const int tokens : {32, 256, 4096}) {
      const double closed = cost->collective(CollectiveKind::kAllToAll,
                                             {.ranks = cluster.gpus(), .domains = cluster.nodes()},
                                             Bytes(2.0 * kHidden * kTopK * tokens), rates, "nccl")
                                .time.total()
                                .value;
      const Phases all = on_the_engine("{kind: direct, window: 0}", cluster, *cost, tokens);
      EXPECT_NEAR(all.combine, closed, 0.05 * closed) << nodes << " nodes " << tokens;
      // The window keeps some NICs waiting for a peer that others serve.
      const Phases windowed = on_the_engine("direct", cluster, *cost, tokens);
      EXPECT_NEAR(windowed.combine, closed, 0.1 * closed) << nodes << " nodes " << tokens;
    }
  }
}

}  // namespace
}  // namespace moesim
