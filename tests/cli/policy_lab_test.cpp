// What the scenarios of the policy lab claim, on a cut-down model.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/support/program.hpp"

namespace moesim {
namespace {

using Json = nlohmann::json;

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

}  // namespace
}  // namespace moesim
