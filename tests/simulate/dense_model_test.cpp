// A model without MoE layers: nothing is routed, and no balance is reported.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/program.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

using Json = nlohmann::json;

TEST(DenseModel, RunsWithoutATraceAndHasNoBalance) {
  const TemporaryDirectory folder;
  std::ofstream(folder / "s.yaml")
      << "model: {preset: llama-3.1-70b, layers: 4}\n"
         "cluster: {preset: h200-sxm, nodes: 1, gpus_per_node: 4}\nparallel: {tp: 4}\n"
         "workload: {phase: decode, tokens_per_gpu: 8, context: 1024, steps: 2}\n"
         "calibration: h200-sxm\n";
  const Session ended = run_program({"run", (folder / "s.yaml").string(), "--json", "-q"});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  const Json summary = Json::parse(ended.out);
  const Json& metrics = summary["metrics"];
  const double step = metrics["step_time_s"]["mean"];
  EXPECT_NEAR(metrics["tokens_per_s"].get<double>() * step, 4 * 8, 1e-6);
  EXPECT_TRUE(metrics["imbalance"]["gpu_max_over_mean"].is_null());
  EXPECT_TRUE(metrics["drop_rate"].is_null());
  EXPECT_TRUE(summary["layers"].empty());
  double sum = 0;
  for (const auto& [phase, seconds] : metrics["breakdown_s"].items()) sum += seconds.get<double>();
  EXPECT_NEAR(sum, step, 1e-9);
  EXPECT_EQ(metrics["breakdown_s"]["experts"], 0);
}

}  // namespace
}  // namespace moesim
