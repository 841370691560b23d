// Prefill and decode through pipeline stages: two stages of four GPUs, eight equal layers.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/program.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

using Json = nlohmann::json;

class PipelineRun : public ::testing::Test {
 protected:
  TemporaryDirectory folder;

  Json document(const std::string& parallel, int gpus, const std::string& workload) {
    std::ofstream(folder / "s.yaml")
        << "model: {preset: mixtral-8x7b, layers: 8}\n"
           "cluster: {preset: h100-sxm, nodes: 1, gpus_per_node: "
        << gpus << "}\nworkload: {context: 1024, tokens_per_gpu: 512, " << workload
        << "}\ntrace: balanced\nexchange: direct\ncalibration: h100-sxm\nparallel: " << parallel
        << "\n";
    const Session ended = run_program({"run", (folder / "s.yaml").string(), "--json", "-q"});
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return Json::parse(ended.out);
  }
  Json run(const std::string& parallel, int gpus, const std::string& workload) {
    return document(parallel, gpus, workload)["metrics"];
  }
  static double step(const Json& metrics) { return metrics["step_time_s"]["mean"]; }
  static double phase(const Json& metrics, const char* name) {
    return metrics["breakdown_s"].value(name, 0.0);
  }
};

const std::string kSteady = "phase: decode, steps: 3, warmup_steps: 1";

// One micro-batch: the stages take turns, as one group of GPUs that had all layers would, and each
// idles while the other works.
TEST_F(PipelineRun, WithOneMicroBatchIsAsFastAsOneStageWithHalfTheGpus) {
  const Json two = run("{pp: 2}", 8, kSteady + ", micro_batches: 1"), one = run("{}", 4, kSteady);
  EXPECT_GT(step(two), step(one));
  EXPECT_NEAR(step(two), step(one), 50e-6);  // two transfers
  for (const char* kernel : {"attention", "experts", "gate"})
    EXPECT_NEAR(phase(two, kernel), phase(one, kernel) / 2, 1e-9) << kernel;
  EXPECT_NEAR(phase(two, "wait"), step(two) / 2, 0.03 * step(two));
  EXPECT_NEAR(two["tokens_per_s"].get<double>(), 512 * 4 / step(two), 1);
}

// Little: two micro-batches are under way, each for the time of a step. The stages are equal but
// for the logits, so that both are busy but for those.
TEST_F(PipelineRun, WithAMicroBatchForEachStageTakesHalfOfTheTimeOfOneStage) {
  const Json two = run("{pp: 2}", 8, kSteady), one = run("{}", 4, kSteady + ", micro_batches: 2");
  EXPECT_GT(step(two), step(one) / 2);
  EXPECT_LT(step(two), step(one) * 0.54);
  EXPECT_NEAR(phase(two, "experts"), phase(one, "experts") / 2, 1e-9);
  double sum = 0;
  for (const auto& [name, seconds] : two["breakdown_s"].items()) sum += seconds.get<double>();
  EXPECT_NEAR(sum, step(two), 1e-9);
}

// Steps follow each other without a flush: with four micro-batches a step is longer than the way
// through the pipeline, so that only the first one pays for filling it.
TEST_F(PipelineRun, FillsThePipelineOnce) {
  const std::string work = "phase: prefill, micro_batches: 4, steps: ";
  const double first = step(run("{pp: 2}", 8, work + "1"));
  const double later = step(run("{pp: 2}", 8, work + "2, warmup_steps: 1"));
  const double pass = later / 4;  // of the slower stage
  EXPECT_NEAR(first - later, pass, 0.1 * pass);
}

TEST_F(PipelineRun, ResolvesTheMicroBatchesAndWarnsOfTheFirstStep) {
  const Json document = this->document("{pp: 2}", 8, "phase: decode, steps: 1");
  EXPECT_EQ(document["scenario"]["workload"]["micro_batches"], 2);
  EXPECT_EQ(document["warnings"][0],
            "pipeline: the first of the measured steps fills it; workload.warmup_steps: 1 leaves "
            "that out");
}

// Experts of four of the eight layers, and half of the KV cache.
TEST_F(PipelineRun, HoldsThePartOfTheModelOfItsStage) {
  const double two = run("{pp: 2}", 8, kSteady)["memory_bytes_max"];
  const double one = run("{}", 4, kSteady)["memory_bytes_max"];
  const double reserve = 8e9;
  EXPECT_NEAR(two - reserve, (one - reserve) / 2, 0.02 * one);
}

}  // namespace
}  // namespace moesim
