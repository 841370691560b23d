// Experts that travel to the tokens of a batch, in whole runs.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/support/program.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

class StepPlacementRun : public ::testing::Test {
 protected:
  TemporaryDirectory folder;
  std::string trace = "{kind: lognormal, sigma: 1.6, source_spread: 0, step_spread: 0}";
  int nodes = 1;

  Session session(const std::string& step_placement, const std::string& set) {
    std::ofstream(folder / "s.yaml")
        << "model: {preset: olmoe-1b-7b, layers: 2}\n"
        << "cluster: {preset: h100-sxm" << (nodes > 1 ? "-ib400" : "") << ", nodes: " << nodes
        << "}\nworkload: {tokens_per_gpu: 4096, steps: 2}\ncalibration: h100-sxm\n"
        << "trace: " << trace << "\n"
        << (step_placement.empty() ? "" : "step_placement: " + step_placement + "\n");
    return run_program({"run", (folder / "s.yaml").string(), "--json", "-q", "--set", set});
  }
  Json run(const std::string& step_placement, const std::string& set = "workload.steps=2") {
    const Session ended = session(step_placement, set);
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return Json::parse(ended.out);
  }
  static double throughput(const Json& summary) { return summary["metrics"]["tokens_per_s"]; }
  static double moved(const Json& summary) { return summary["metrics"]["bytes"]["migration"]; }
  static double imbalance(const Json& summary) {
    return summary["metrics"]["imbalance"]["gpu_max_over_mean"];
  }
  static double travelling(const Json& summary, int layer) {
    return summary["layers"][static_cast<std::size_t>(layer)]["travelling_experts"];
  }
};

// 2048 · 1024 · 3 values of two bytes.
constexpr double kExpert = 12582912;

TEST_F(StepPlacementRun, ShadowsBeatLinearOnASkewedTrace) {
  const Json none = run("none"), shadows = run("shadowing");
  EXPECT_GT(throughput(shadows), 1.05 * throughput(none));
  EXPECT_LT(imbalance(shadows), imbalance(none));
  // A shadow reaches seven other GPUs.
  EXPECT_NEAR(moved(shadows), 7 * kExpert * (travelling(shadows, 0) + travelling(shadows, 1)), 1);
  EXPECT_GE(travelling(shadows, 0), 1);
  EXPECT_EQ(moved(none), 0);
  EXPECT_FALSE(none["layers"][0].contains("travelling_experts"));
}

TEST_F(StepPlacementRun, TokensOfTheBusiestGpuMoveWithTheirExpert) {
  const Json none = run("none"), even = run("{kind: harmoeny, least: 2000, from: gpu}");
  EXPECT_GT(throughput(even), 1.2 * throughput(none));
  EXPECT_LT(imbalance(even), 1.2);
  EXPECT_GT(moved(even), 0);
  const Json hosts = run("{kind: harmoeny, least: 2000}");
  EXPECT_GT(throughput(hosts), 1.2 * throughput(none));
  EXPECT_EQ(moved(hosts), moved(even)) << "the same experts come from elsewhere";
}

// With loads that do not change from step to step the plan of the step before is right. The first
// step has none.
TEST_F(StepPlacementRun, CopiesPlannedFromTheStepBeforeBeatLinear) {
  const char* warm = "workload.warmup_steps=1";
  const Json none = run("none", warm), planned = run("prophet", warm);
  EXPECT_GT(throughput(planned), 1.05 * throughput(none));
  EXPECT_GE(travelling(planned, 0), 1);
}

// A machine's GPUs have 8 · 32768 routes; half of them go to the other machine, 537 MB. The 32
// experts there are 403 MB.
TEST_F(StepPlacementRun, ExpertsTravelWhereTheyAreFewerBytesThanTokens) {
  nodes = 2;
  trace = "balanced";
  const Json none = run("none"), experts = run("janus");
  EXPECT_EQ(travelling(experts, 0), 64);
  EXPECT_EQ(experts["metrics"]["bytes"]["network"].get<double>(), 0) << "no token leaves its GPU";
  EXPECT_EQ(experts["metrics"]["bytes"]["nvlink"].get<double>(), 0);
  // In two layers each of 16 GPUs gets the 60 experts that it lacks, from wherever.
  EXPECT_DOUBLE_EQ(moved(experts), 2 * 16 * 60 * kExpert);
  EXPECT_GT(throughput(experts), throughput(none));
}

TEST_F(StepPlacementRun, NothingTravelsForABalancedBatch) {
  trace = "balanced";
  const Json none = run("none");
  for (const char* kind : {"shadowing", "harmoeny", "prophet", "janus"}) {
    const Json run_of_kind = run(kind);
    EXPECT_EQ(moved(run_of_kind), 0) << kind;
    EXPECT_EQ(travelling(run_of_kind, 0), 0) << kind;
    const auto experts = [](const Json& summary) {
      return summary["metrics"]["breakdown_s"]["experts"].get<double>();
    };
    EXPECT_NEAR(experts(run_of_kind), experts(none), 1e-12) << kind;
  }
}

// FasterMoE has both. What is decided is decided for all turns together.
TEST_F(StepPlacementRun, ShadowsGoWithTurnsOfGroups) {
  const char* turns = "overlap={kind: fastermoe, group: 2}";
  const Json whole = run("shadowing"), none = run("none", turns), both = run("shadowing", turns);
  EXPECT_GT(throughput(both), 1.05 * throughput(none));
  for (const char* key : {"imbalance", "bytes"})
    EXPECT_EQ(both["metrics"][key], whole["metrics"][key]) << key;
  EXPECT_EQ(travelling(both, 0), travelling(whole, 0));
  // Copies that compute what others send.
  EXPECT_EQ(run("{kind: harmoeny, least: 2000}", turns)["metrics"]["imbalance"],
            run("{kind: harmoeny, least: 2000}")["metrics"]["imbalance"]);
}

TEST_F(StepPlacementRun, NoneIsWhatItIsWithoutTheSection) {
  Json none = run("none"), without = run("");
  EXPECT_FALSE(without["scenario"].contains("step_placement"));
  none["scenario"].erase("step_placement");
  EXPECT_EQ(none, without);
}

TEST_F(StepPlacementRun, IsRefusedWhereRanksAreNotGpus) {
  const Session ended = session("shadowing", "parallel.tp=2");
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.err, HasSubstr("experts travel only inside one expert-parallel group"));
}

// Room for one temporary copy of an expert beside everything else, and no more. A tenth of the
// memory is kept free.
TEST_F(StepPlacementRun, SaysWhereCopiesDoNotFit) {
  const double all = run("none")["metrics"]["memory_bytes_max"].get<double>() - 0.1 * 80e9;
  const auto warnings = [&](double copies) {
    const double memory = (all + copies * kExpert) / 0.9;
    return run("shadowing", fmt::format("cluster.gpu.memory={:.0f} B", memory))["warnings"].dump();
  };
  EXPECT_THAT(warnings(1.5), HasSubstr("temporary copies of experts GPU"));
  EXPECT_THAT(warnings(64), Not(HasSubstr("temporary copies")));
}

}  // namespace
}  // namespace moesim
