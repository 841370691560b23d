// What the scenarios of the policy lab claim, on a cut-down model.
#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "analysis/json.hpp"
#include "tests/support/program.hpp"

namespace moesim {
namespace {

Json metrics_of(const std::string& scenario, std::vector<std::string> settings) {
  std::vector<std::string> words = {
      "run",    std::string(MOESIM_SOURCE_DIR) + "/scenarios/" + scenario + ".yaml",
      "--set",  "model.layers=8",
      "--json", "-q"};
  for (const std::string& setting : settings) {
    words.emplace_back("--set");
    words.push_back(setting);
  }
  const Session session = run_program(words);
  EXPECT_EQ(session.exit_code, 0) << session.err;
  return Json::parse(session.out)["metrics"];
}

double tokens_per_s(const Json& metrics) { return metrics["tokens_per_s"]; }
double imbalance(const Json& metrics) { return metrics["imbalance"]["gpu_max_over_mean"]; }

TEST(AsyncVsBlocking, BlockingBalancesBestAndServesSlowest) {
  const Json none = metrics_of("async_vs_blocking", {"rebalance.kind=none"});
  const Json blocking = metrics_of("async_vs_blocking", {"rebalance.execution=blocking"});
  EXPECT_LT(imbalance(blocking), imbalance(none) - 0.1);
  EXPECT_LT(tokens_per_s(blocking), tokens_per_s(none) / 2);
}

TEST(AsyncVsBlocking, MovingBesideTheStepsPaysWhereTheLoadKeepsStill) {
  const std::vector<std::string> still = {"trace.jumps=[2]", "workload.steps=100"};
  std::vector<std::string> with = still, without = still;
  with.emplace_back("rebalance.planning_time=40 ms");
  without.emplace_back("rebalance.kind=none");
  EXPECT_GT(tokens_per_s(metrics_of("async_vs_blocking", with)),
            1.02 * tokens_per_s(metrics_of("async_vs_blocking", without)));
}

TEST(RedundancySweep, CopiesPayMostWhereTheyAreOfHotExperts) {
  const auto rate = [](const std::string& setting) {
    return tokens_per_s(metrics_of("redundancy_sweep", {setting}));
  };
  const double linear = rate("placement=linear"), none = rate("placement.redundant=0");
  const double naive = rate("placement={kind: local_search, redundant: 64}");
  const double hot = rate("placement.redundant=64");
  EXPECT_GT(none, 1.1 * linear);
  EXPECT_GT(naive, none);
  EXPECT_GT(hot, 1.05 * naive);
  EXPECT_LT(rate("placement={kind: linear, redundant: 64}"), linear);
}

TEST(TopologyAware, SavesBytesAndTimeUnlessTheExchangeSavesThemItself) {
  const Json near = metrics_of("topology_aware", {});
  const Json balanced = metrics_of("topology_aware", {"placement=lpt"});
  EXPECT_LT(near["bytes"]["network"].get<double>(),
            0.9 * balanced["bytes"]["network"].get<double>());
  EXPECT_GT(imbalance(near), imbalance(balanced) + 0.2);
  EXPECT_GT(tokens_per_s(near), 1.02 * tokens_per_s(balanced));
  const std::string dedup = "exchange=hierarchical_dedup";
  EXPECT_LT(tokens_per_s(metrics_of("topology_aware", {dedup})),
            tokens_per_s(metrics_of("topology_aware", {dedup, "placement=lpt"})));
}

TEST(EplbInterval, BlockingOftenBalancesBestAndServesSlowest) {
  const Json none = metrics_of("eplb_interval", {"rebalance=none"});
  const Json often =
      metrics_of("eplb_interval", {"rebalance.every=2", "rebalance.execution=blocking"});
  const Json beside = metrics_of("eplb_interval", {});
  EXPECT_LT(imbalance(often), imbalance(beside));
  EXPECT_LT(imbalance(beside), imbalance(none));
  EXPECT_LT(tokens_per_s(often), tokens_per_s(none) / 2);
  EXPECT_GT(tokens_per_s(beside), 0.95 * tokens_per_s(none));
}

TEST(PolicyLabDecode, ThePlacementMattersMostAndTheExchangeNext) {
  const double now = tokens_per_s(metrics_of("policy_lab_decode", {}));
  const auto loss = [&](const std::string& setting) {
    return now / tokens_per_s(metrics_of("policy_lab_decode", {setting})) - 1;
  };
  const double placement = loss("placement=linear"), exchange = loss("exchange=direct_dedup");
  EXPECT_GT(placement, exchange);
  EXPECT_GT(exchange, loss("replica=static"));
  EXPECT_GT(exchange, loss("overlap=none"));
  EXPECT_LT(std::abs(loss("placement={kind: trtllm, redundant: 32}")), 0.03);
}

}  // namespace
}  // namespace moesim
