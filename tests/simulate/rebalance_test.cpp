// Experts that move during a run: 16 GPUs, four layers, a popularity that changes at step 2.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/support/program.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

class RebalanceRun : public ::testing::Test {
 protected:
  TemporaryDirectory folder;

  Session session(const std::string& rebalance, const std::string& placement) {
    std::ofstream(folder / "s.yaml")
        << "model: {preset: olmoe-1b-7b, layers: 4}\n"
           "cluster: {preset: h100-sxm-ib400, nodes: 2}\n"
           "workload: {phase: decode, tokens_per_gpu: 128, context: 1024, steps: 6}\n"
           "trace: {kind: drift, sigma: 1.2, rate: 0, jumps: [2], source_spread: 0, step_spread: "
           "0}\n"
           "exchange: low_latency\ncalibration: h100-sxm\n"
        << "placement: " << placement << "\nrebalance: " << rebalance << "\n";
    return run_program({"run", (folder / "s.yaml").string(), "--json", "-q"});
  }
  Json run(const std::string& rebalance, const std::string& placement = "{kind: lpt}") {
    const Session ended = session(rebalance, placement);
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return Json::parse(ended.out);
  }
};

TEST_F(RebalanceRun, ABlockingMapTakesEffectAtTheNextStepAndStopsEverybody) {
  const Json json = run("{kind: interval, every: 3, estimator: last, planning_time: 5 ms}");
  const Json& rebalance = json["rebalance"];
  ASSERT_EQ(rebalance["maps"], 1);  // after step 2; nothing is left to place after the last step
  const Json& event = rebalance["events"][0];
  EXPECT_EQ(event["after_step"], 2);
  EXPECT_EQ(event["effective_step"], 3);
  const Json& balance = event["gpu_max_over_mean"];
  EXPECT_LT(balance["predicted_after"].get<double>(), balance["predicted_before"].get<double>());
  EXPECT_LT(balance["realised_after"].get<double>(), balance["realised_before"].get<double>());
  // 5 ms of planning, then the weights: bytes of the busiest port over 0.8 of its rate, at least.
  const double moved =
      event["bytes"]["nvlink"].get<double>() + event["bytes"]["network"].get<double>();
  EXPECT_GT(moved, 0);
  EXPECT_GT(event["stall_s"].get<double>(), 5e-3 + moved / 16 / (0.8 * 450e9 + 0.8 * 50e9));
  EXPECT_DOUBLE_EQ(json["metrics"]["bytes"]["migration"].get<double>(), moved / 6);
  // GPUs that ended step 2 before the others wait for them in the same phase.
  const double stall = event["stall_s"];
  EXPECT_NEAR(json["metrics"]["breakdown_s"]["migration"].get<double>(), stall / 6,
              0.02 * stall / 6);
}

// The popularity does not change after step 2, so the map is right for the steps that come.
TEST_F(RebalanceRun, WhatWasPredictedIsWhatComesWhereTheLoadStays) {
  const Json event = run("{kind: interval, every: 3, estimator: last}")["rebalance"]["events"][0];
  const Json& balance = event["gpu_max_over_mean"];
  EXPECT_NEAR(balance["realised_after"].get<double>(), balance["predicted_after"].get<double>(),
              0.15);
}

TEST_F(RebalanceRun, LayerwiseMapsChangeSomeLayersBetweenTwoSteps) {
  const Json event =
      run("{kind: interval, every: 3, estimator: last, execution: layerwise, layers_per_step: 2}")
          ["rebalance"]["events"][0];
  EXPECT_EQ(event["layers"], 4);
  EXPECT_EQ(event["after_step"], 2);
  EXPECT_EQ(event["effective_step"], 4);
}

TEST_F(RebalanceRun, AsynchronousMapsHoldUpNobodyButComeLater) {
  const std::string policy = "kind: interval, every: 3, estimator: last, planning_time: 2 ms";
  const Json blocking = run("{" + policy + "}");
  const Json async = run("{" + policy + ", execution: async}");
  EXPECT_EQ(async["rebalance"]["stall_s"], 0);
  EXPECT_GE(async["rebalance"]["events"][0]["effective_step"],
            blocking["rebalance"]["events"][0]["effective_step"]);
  EXPECT_LT(async["metrics"]["step_time_s"]["max"].get<double>(),
            blocking["metrics"]["step_time_s"]["max"].get<double>());
}

// Each learns what it wants to know from the steps that have ended.
TEST_F(RebalanceRun, MapsOfEveryKindAreMadeFromTheStepsThatEnded) {
  for (const char* maps :
       {"deepseek_vec", "{kind: flashlb, ratio: 1}", "{kind: trtllm, cooccurrence: true}",
        "topology_aware", "local_search", "swift_balancer", "{kind: eplb, keep_slots: true}"}) {
    SCOPED_TRACE(maps);
    const Json rebalance =
        run(std::string("{kind: interval, every: 3, window: 3, placement: ") + maps + "}",
            "linear")["rebalance"];
    ASSERT_EQ(rebalance["maps"], 1);
    EXPECT_GT(rebalance["events"][0]["bytes"]["network"].get<double>(), 0);
  }
}

TEST_F(RebalanceRun, ADeadGpuIsLeftAloneByTheMapsOfARun) {
  const Json json =
      run("{kind: interval, every: 3, estimator: last, "
          "placement: {kind: elasticity_aware, redundant: 16, dead: [2]}}",
          "{kind: linear, redundant: 16}");
  EXPECT_EQ(json["rebalance"]["maps"], 1);
}

TEST_F(RebalanceRun, ASwiftBalancerMovesLessThanAMapThatStartsAnew) {
  const auto moved = [&](const std::string& maps) {
    const Json event = run("{kind: interval, every: 3, estimator: last, placement: " + maps + "}",
                           "linear")["rebalance"]["events"][0];
    return event["bytes"]["nvlink"].get<double>() + event["bytes"]["network"].get<double>();
  };
  EXPECT_LT(moved("swift_balancer"), 0.7 * moved("lpt"));
}

TEST_F(RebalanceRun, TheOracleBoundsWhatAPolicyCanReach) {
  const auto step = [&](const std::string& rebalance) {
    return run(rebalance)["metrics"]["step_time_s"]["mean"].get<double>();
  };
  const double none = step("none"), oracle = step("oracle");
  EXPECT_LT(oracle, none);
  EXPECT_LT(oracle, step("{kind: interval, every: 3, estimator: last, execution: async}"));
}

TEST_F(RebalanceRun, SpeaksOfNoMapWhereThereIsNone) {
  EXPECT_TRUE(run("none")["rebalance"].is_null());
  EXPECT_TRUE(run("{kind: cost_benefit, every: 1, horizon: 1}")["rebalance"].is_null());
}

TEST_F(RebalanceRun, RefusesMapsThatCannotReplaceThePlacement) {
  Session ended = session("{kind: interval, every: 2}", "linear");
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.err, HasSubstr("s.yaml:8:12: error: the placement does not look at loads"));
  ended = session("{kind: interval, every: 2, placement: {kind: eplb, redundant: 16}}", "lpt");
  EXPECT_EQ(ended.exit_code, 2);
  const std::string message = "maps of 80 slots cannot replace the placement's 64";
  EXPECT_THAT(ended.err, HasSubstr(message));
  ended = session("{kind: interval, every: 2, placement: ffd_memory}", "lpt");
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.err, HasSubstr("slots do not move between GPUs during a run"));
}

}  // namespace
}  // namespace moesim
