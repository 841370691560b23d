// What choosing replicas costs in a run: 16 GPUs on two nodes, four MoE layers, two steps.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/program.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

using Json = nlohmann::json;

class ReplicaWorkRun : public ::testing::Test {
 protected:
  TemporaryDirectory folder;

  Json run(const std::string& replica, int redundant) {
    std::ofstream(folder / "s.yaml")
        << "model: {preset: olmoe-1b-7b, layers: 4}\n"
           "cluster: {preset: h100-sxm-ib400, nodes: 2}\n"
           "workload: {phase: decode, tokens_per_gpu: 64, context: 1024, steps: 2}\n"
           "trace: {kind: lognormal, sigma: 1}\nexchange: low_latency\ncalibration: h100-sxm\n"
        << "placement: {kind: eplb, redundant: " << redundant << "}\nreplica: " << replica << "\n";
    const Session ended = run_program({"run", (folder / "s.yaml").string(), "--json", "-q"});
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return Json::parse(ended.out)["metrics"];
  }
  static double gate(const Json& metrics) { return metrics["breakdown_s"]["gate"]; }
  static double step(const Json& metrics) { return metrics["step_time_s"]["mean"]; }
};

TEST_F(ReplicaWorkRun, EveryLayerPaysForTheSolver) {
  const Json free = run("{kind: flow, solve_time: 0 us}", 16);
  const Json paid = run("{kind: flow, solve_time: 100 us}", 16);
  EXPECT_NEAR(gate(paid) - gate(free), 4 * 100e-6, 1e-9);
  EXPECT_NEAR(step(paid) - step(free), 4 * 100e-6, 1e-6);
}

TEST_F(ReplicaWorkRun, EveryLayerPaysForTheAllReduceOfCounts) {
  const double without = gate(run("least_loaded", 16));
  const double given = gate(run("{kind: lp, solve_time: 0 us, all_reduce_time: 20 us}", 16));
  EXPECT_NEAR(given - without, 4 * 20e-6, 1e-9);
  // NCCL's takes 5 µs at least, whatever the calibration.
  EXPECT_GT(gate(run("{kind: lp, solve_time: 0 us}", 16)) - without, 4 * 5e-6);
}

TEST_F(ReplicaWorkRun, NobodySolvesWhereNoExpertHasTwoCopies) {
  EXPECT_EQ(run("flow", 0), run("all_to_first", 0));
}

}  // namespace
}  // namespace moesim
