// GPUs that fail in whole runs, and the scenarios about unequal GPUs.
#include "tests/simulate/events_run.hpp"

namespace moesim {
namespace {

using GpuFailureRun = EventsRun;

TEST_F(GpuFailureRun, ATokenOfADeadGpuIsServedOnceByALiveOne) {
  const Json json = run("[{kind: gpu_failure, gpu: 15, from: 2, recovery_time: 1 s}]");
  const std::vector<std::string> live = {"16", "16", "15", "15", "15", "15"};
  EXPECT_EQ(column("live_gpus"), live);
  EXPECT_EQ(column("tokens"), std::vector<std::string>(kSteps, "2048"));
  EXPECT_EQ(column("routes"), std::vector<std::string>(kSteps, "65536"));
  EXPECT_EQ(json["events"]["redistributed_tokens"], 4 * 128);
  EXPECT_EQ(json["events"]["lost_tokens"], 0);
  double routes = 0;
  for (const Json& gpu : json["gpus"]) routes += gpu["routes_per_step"].get<double>();
  EXPECT_NEAR(routes, kRoutes, 1e-6 * kRoutes);
  EXPECT_NEAR(json["gpus"][15]["routes_per_step"].get<double>(), kRoutes / 16 * 2 / kSteps, 1e-6);
}

TEST_F(GpuFailureRun, ATokenOfADeadGpuIsLostIfToldSo) {
  const Json json = run("[{kind: gpu_failure, gpu: 15, from: 2, until: 4, tokens: lost}]");
  const std::vector<std::string> tokens = {"2048", "2048", "1920", "1920", "2048", "2048"};
  EXPECT_EQ(column("tokens"), tokens);
  EXPECT_EQ(json["events"]["lost_tokens"], 2 * 128);
  EXPECT_EQ(json["events"]["redistributed_tokens"], 0);
}

// GPU 15 of a linear map holds experts 60 to 63 of each layer, and nobody else does. The map of 15
// GPUs has five slots each, where the eleven redundant ones repeat experts 0 to 10.
TEST_F(GpuFailureRun, WeightsThatNobodyHoldsAreLoadedAndOthersCopied) {
  const Json json =
      run("[{kind: gpu_failure, gpu: 15, from: 2, recovery_time: 1 s, load_rate: 1 GB/s}]");
  ASSERT_EQ(json["events"]["recoveries"].size(), 1U);
  const Json& recovery = json["events"]["recoveries"][0];
  EXPECT_EQ(recovery["before_step"], 2);
  EXPECT_EQ(recovery["live_gpus"], 15);
  EXPECT_NEAR(recovery["bytes"]["loaded"].get<double>(), 16 * kExpert, 1);
  EXPECT_GT(recovery["bytes"]["nvlink"].get<double>(), 0);
  // Expert 63 is the last of GPU 12's, where 60, 61 and 62 come, too: 4 · 4 experts at 1 GB/s.
  const double stall = recovery["stall_s"];
  EXPECT_GT(stall, 1.02 + 4 * kExpert / 1e9);
  EXPECT_LT(stall, 1.02 + 16 * kExpert / 1e9 + 0.1);
  const Json& rates = json["events"]["list"][0]["tokens_per_s"];
  EXPECT_LT(rates["during"].get<double>(), rates["before"].get<double>());
  EXPECT_TRUE(rates["after"].is_null());
}

TEST_F(GpuFailureRun, AGpuThatComesBackGetsItsExpertsFromTheOthers) {
  const Json json = run(
      "[{kind: gpu_failure, gpu: 15, from: 1, until: 3, recovery_time: 1 s, rejoin_time: 0.5 s}]");
  ASSERT_EQ(json["events"]["recoveries"].size(), 2U);
  const Json& back = json["events"]["recoveries"][1];
  EXPECT_EQ(back["live_gpus"], 16);
  EXPECT_EQ(back["bytes"]["loaded"], 0);
  // Four experts a layer, at least.
  EXPECT_GE(back["bytes"]["nvlink"].get<double>() + back["bytes"]["network"].get<double>(),
            16 * kExpert);
  EXPECT_GT(back["stall_s"].get<double>(), 0.5);
  EXPECT_LT(back["stall_s"].get<double>(), 0.7);
  const Json& rates = json["events"]["list"][0]["tokens_per_s"];
  EXPECT_NEAR(rates["after"].get<double>(), rates["before"].get<double>(),
              0.02 * rates["before"].get<double>());
}

TEST_F(GpuFailureRun, AGpuMayBeDeadFromTheStart) {
  const Json json = run("[{kind: gpu_failure, gpu: [3, 8]}]");
  EXPECT_EQ(column("live_gpus"), std::vector<std::string>(kSteps, "14"));
  EXPECT_TRUE(json["events"]["recoveries"].empty());
  EXPECT_EQ(json["gpus"][3]["routes_per_step"], 0);
}

TEST_F(GpuFailureRun, EveryExchangeGoesOnWithoutADeadGpu) {
  for (const char* exchange : {"direct", "direct_dedup", "hierarchical_dedup"}) {
    SCOPED_TRACE(exchange);
    const Session ended =
        session("[{kind: gpu_failure, gpu: [3, 8], from: 2, recovery_time: 1 s}]", "");
    std::string text = file_text(folder / "s.yaml");
    text.replace(text.find("low_latency"), 11, exchange);
    std::ofstream(folder / "s.yaml") << text;
    const Session other = run_program({"run", (folder / "s.yaml").string(), "--json", "-q"});
    EXPECT_EQ(other.exit_code, 0) << other.err;
  }
}

TEST_F(GpuFailureRun, MapsOfARunLeaveADeadGpuAlone) {
  for (const char* execution : {"blocking", "layerwise", "async"}) {
    SCOPED_TRACE(execution);
    const Json json = run("[{kind: gpu_failure, gpu: 2, from: 2, until: 5, recovery_time: 1 s}]",
                          "trace: {kind: drift, sigma: 1.2, rate: 0, jumps: [1, 3]}\n"
                          "placement: {kind: eplb, redundant: 16}\n"
                          "rebalance: {kind: interval, every: 1, estimator: last, execution: " +
                              std::string(execution) + "}\n");
    EXPECT_GE(json["rebalance"]["maps"], 2);
    EXPECT_EQ(json["events"]["recoveries"].size(), 2U);
  }
}

// What the scenarios of this part claim.
Json events_of(const std::string& scenario, const std::vector<std::string>& settings) {
  std::vector<std::string> words = {
      "run", std::string(MOESIM_SOURCE_DIR) + "/scenarios/" + scenario + ".yaml", "--json", "-q"};
  for (const std::string& setting : settings) {
    words.emplace_back("--set");
    words.push_back(setting);
  }
  const Session session = run_program(words);
  EXPECT_EQ(session.exit_code, 0) << session.err;
  return Json::parse(session.out)["events"];
}

double rate(const Json& events, const char* when) {
  return events["list"][0]["tokens_per_s"][when].get<double>();
}

TEST(GpuFailureScenario, CostsMoreThanTheGpuUntilItComesBack) {
  const Json events = events_of("gpu_failure", {"model.layers=5"});
  EXPECT_LT(rate(events, "during"), 31.0 / 32 * rate(events, "before"));
  EXPECT_NEAR(rate(events, "after"), rate(events, "before"), 0.03 * rate(events, "before"));
  EXPECT_NEAR(events["recoveries"][0]["stall_s"].get<double>(), 10.05, 0.1);
  EXPECT_GT(events["recoveries"][0]["bytes"]["loaded"].get<double>(), 0);
}

TEST(GpuFailureScenario, LoadsNothingWhereEveryExpertHasTwoCopies) {
  const Json events =
      events_of("gpu_failure", {"model.layers=5", "placement={kind: lazarus, redundant: 256}"});
  EXPECT_EQ(events["recoveries"][0]["bytes"]["loaded"], 0);
}

TEST(SlowGpuScenario, HoldsUpEverybody) {
  const Json events = events_of("slow_gpu", {"model.layers=5", "workload.steps=3"});
  EXPECT_LT(rate(events, "during"), 0.95 * rate(events, "before"));
}

}  // namespace
}  // namespace moesim
