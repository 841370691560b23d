// Events in whole runs.
#include "tests/simulate/events_run.hpp"

namespace moesim {
namespace {

using ::testing::HasSubstr;

// Both parts of a kernel's time double, whatever bounds it.
TEST_F(EventsRun, AGpuAtHalfTheSpeedTakesTwiceAsLongForItsExperts) {
  const auto experts = [](const Json& json, int gpu) {
    return json["gpus"][gpu]["breakdown_s"]["experts"].get<double>();
  };
  const Json usual = run("");
  const Json slow = run("[{kind: slow_gpu, gpu: 3, speed: 0.5, memory_speed: 0.5}]");
  EXPECT_NEAR(experts(slow, 3), 2 * experts(usual, 3), 1e-9 * experts(usual, 3));
  EXPECT_NEAR(experts(slow, 4), experts(usual, 4), 1e-9 * experts(usual, 4));
  EXPECT_LT(slow["metrics"]["tokens_per_s"], usual["metrics"]["tokens_per_s"]);
}

TEST_F(EventsRun, SayNothingWhereThereAreNone) {
  const Json usual = run("");
  EXPECT_FALSE(usual.contains("events"));
  EXPECT_EQ(column("live_gpus"), std::vector<std::string>(kSteps, ""));
  const Json nothing = run("[]");
  EXPECT_EQ(nothing, usual);
  const Json still = run("[{kind: jitter, sigma: 0}]");
  EXPECT_EQ(still["metrics"], usual["metrics"]);
  EXPECT_EQ(still["gpus"], usual["gpus"]);
}

// Stragglers are waited for, so that a step is longer although kernels take as long on average.
TEST_F(EventsRun, JitterMakesStepsLonger) {
  const Json usual = run(""), jittery = run("[{kind: jitter, sigma: 0.2}]");
  EXPECT_GT(jittery["metrics"]["step_time_s"]["mean"].get<double>(),
            1.05 * usual["metrics"]["step_time_s"]["mean"].get<double>());
  EXPECT_EQ(run("[{kind: jitter, sigma: 0.2}]"), jittery);
}

// Expert 5 has 1/64 of the routes of a balanced trace.
TEST_F(EventsRun, AFailedExpertLosesItsRoutesOrSendsThemOn) {
  const Json lost = run("[{kind: expert_failure, expert: 5, routes: drop, from: 1, until: 3}]");
  EXPECT_EQ(lost["events"]["lost_routes"], 2 * kRoutes / 64);
  EXPECT_EQ(lost["events"]["list"][0]["masked_experts"], 4);
  const std::vector<std::string> routes = {"65536", "64512", "64512", "65536", "65536", "65536"};
  EXPECT_EQ(column("routes"), routes);
  const Json redirected = run("[{kind: expert_failure, expert: 5, from: 1, until: 3}]");
  EXPECT_EQ(redirected["events"]["redirected_routes"], 2 * kRoutes / 64);
  EXPECT_EQ(column("routes"), std::vector<std::string>(kSteps, "65536"));
}

TEST_F(EventsRun, ACurriculumRaisesTheRoutesOfAToken) {
  run("[{kind: curriculum, at: [0, 2, 4], top_k: [2, 4, 8]}]");
  const std::vector<std::string> routes = {"16384", "16384", "32768", "32768", "65536", "65536"};
  EXPECT_EQ(column("routes"), routes);
  // With a gate on logits, and a capacity of ceil(128 · k / 64 · cf) rows.
  const Json gated =
      run("[{kind: curriculum, at: [0, 3], top_k: [1, 8], capacity_factor: [4, 0.5]}]",
          "trace: logits\ngate: topk_then_softmax\ncapacity: {kind: factor, factor: 100}\n");
  const auto kept = column("routes"), dropped = column("dropped_routes");
  EXPECT_EQ(kept[0], "8192");
  EXPECT_EQ(kept[3], "65536");
  EXPECT_GT(std::stod(dropped[3]), 65536 / 2.0);
  EXPECT_LT(std::stod(dropped[0]) / 8192, 0.6 * std::stod(dropped[3]) / 65536);
}

TEST_F(EventsRun, PrunedExpertsAreAskedForNoMore) {
  const Json json = run("[{kind: prune_experts, at: 3, window: 3, threshold: 0.005}]",
                        "trace: {kind: zipf, exponent: 1.2, source_spread: 0, step_spread: 0}\n");
  EXPECT_GT(json["events"]["list"][0]["masked_experts"], 4 * 10);
  const std::vector<std::string> redirected = column("redirected_routes");
  EXPECT_EQ(redirected[2], "0");
  EXPECT_GT(std::stod(redirected[3]), 0);
}

TEST_F(EventsRun, ADomainChangeMakesAMapOfTheOldDomainWrong) {
  run("[{kind: domain_change, permute: 1, from: 3}]",
      "trace: {kind: zipf, exponent: 0.8, source_spread: 0, step_spread: 0}\n"
      "placement: {kind: eplb, redundant: 16}\n");
  const std::vector<std::string> imbalance = column("gpu_max_over_mean");
  EXPECT_GT(std::stod(imbalance[3]), 1.2 * std::stod(imbalance[2]));
}

// 64 experts become 256, sixteen a GPU instead of four. In order over the GPUs, children are where
// their parents are: all is copied inside GPUs.
TEST_F(EventsRun, ExpandedExpertsGetTheirParentsWeightsAndRoutes) {
  const Json usual = run("");
  const Json json = run("[{kind: expand_experts, at: 2, children: 4, noise: 0}]");
  EXPECT_EQ(column("routes"), std::vector<std::string>(kSteps, "65536"));
  ASSERT_EQ(json["events"]["recoveries"].size(), 1U);
  const Json& bytes = json["events"]["recoveries"][0]["bytes"];
  EXPECT_EQ(bytes["nvlink"].get<double>() + bytes["network"].get<double>(), 0);
  EXPECT_GT(bytes["local"].get<double>(), 0);
  // And buffers of the exchange, which has messages for each expert.
  EXPECT_GE(json["gpus"][0]["memory_bytes"].get<double>() -
                usual["gpus"][0]["memory_bytes"].get<double>(),
            12 * 4 * kExpert);
  // Four times the experts with a quarter of the tokens each: more weights are read.
  const Json& rates = json["events"]["list"][0]["tokens_per_s"];
  EXPECT_LT(rates["during"].get<double>(), rates["before"].get<double>());
}

TEST_F(EventsRun, ExpandedExpertsAreSentWhereTheirMapWantsThem) {
  const Json json = run("[{kind: expand_experts, at: 2, children: 4}]", "placement: round_robin\n");
  const Json& recovery = json["events"]["recoveries"][0];
  EXPECT_GT(recovery["bytes"]["network"].get<double>(), 16 * kExpert);
  // 20 ms of planning, then the busiest port at 0.8 of its rate, at least.
  EXPECT_GT(recovery["stall_s"].get<double>(),
            0.02 + recovery["bytes"]["network"].get<double>() / 16 / (0.8 * 50e9));
}

// A gate on logits chooses among the children by itself.
TEST_F(EventsRun, ExpandedExpertsHaveLogitsOfTheirOwn) {
  const Json json = run("[{kind: expand_experts, at: 3, children: 2, noise: 0.5}]",
                        "trace: logits\ngate: softmax_then_topk\n");
  EXPECT_EQ(column("routes"), std::vector<std::string>(kSteps, "65536"));
  EXPECT_EQ(json["events"]["list"][0]["text"], "every expert becomes 2");
}

TEST_F(EventsRun, AreInTheResolvedScenario) {
  run("[{kind: slow_gpu, gpu: 3, speed: 0.5, from: 2}]");
  const std::string resolved = file_text(folder / "out" / "scenario.yaml");
  EXPECT_THAT(resolved,
              HasSubstr("events:\n  -\n    kind: slow_gpu\n    gpu: 3\n    speed: 0.5\n    "
                        "memory_speed: 1\n    from: 2\n"));
}

}  // namespace
}  // namespace moesim
