// Training steps: two stages of four GPUs, eight equal layers, next to no vocabulary.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/program.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

using Json = nlohmann::json;

class TrainingRun : public ::testing::Test {
 protected:
  TemporaryDirectory folder;

  Json run(const std::string& schedule, const std::string& more = "",
           const std::string& parallel = "{pp: 2, ep: 4}", int micro_batches = 4) {
    std::ofstream(folder / "s.yaml")
        << "model: {preset: mixtral-8x7b, layers: 8, vocabulary: 8}\n"
           "cluster: {preset: h100-sxm, nodes: 1}\n"
           "workload: {phase: training, context: 1024, tokens_per_gpu: 1024, steps: 2, "
           "micro_batches: "
        << micro_batches
        << "}\ntrace: balanced\nexchange: direct\ncalibration: h100-sxm\nschedule: " << schedule
        << "\nparallel: " << parallel << "\n"
        << more;
    const Session ended = run_program({"run", (folder / "s.yaml").string(), "--json", "-q"});
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return Json::parse(ended.out)["metrics"];
  }
  static double step(const Json& metrics) { return metrics["step_time_s"]["mean"]; }
  static double phase(const Json& metrics, const char* name) {
    return metrics["breakdown_s"].value(name, 0.0);
  }
  // Without the gradients' reduction and the optimizer, which come after the passes.
  static double passes(const Json& metrics) {
    return step(metrics) - phase(metrics, "gradients") - phase(metrics, "optimizer");
  }
};

// (p − 1) / (m + p − 1) of the time of equal stages is a bubble.
TEST_F(TrainingRun, HasTheBubbleOfItsSchedule) {
  for (const char* schedule : {"gpipe", "one_f_one_b"}) {
    const Json four = run(schedule), eight = run(schedule, "", "{pp: 2, ep: 4}", 8);
    EXPECT_NEAR(phase(four, "wait") / passes(four), 1.0 / 5, 0.01) << schedule;
    EXPECT_NEAR(phase(eight, "wait") / passes(eight), 1.0 / 9, 0.01) << schedule;
  }
  const Json halves = run("{kind: interleaved, virtual_stages: 2}");
  EXPECT_NEAR(phase(halves, "wait") / passes(halves), 1.0 / 9, 0.01);
  EXPECT_LT(phase(run("zero_bubble"), "wait"), phase(halves, "wait"));
  EXPECT_NEAR(phase(run("dualpipe"), "wait"), 0, 1e-6);
}

TEST_F(TrainingRun, DoesTheSameWorkInEverySchedule) {
  const Json one = run("one_f_one_b");
  for (const char* schedule :
       {"gpipe", "zero_bubble", "dualpipe", "{kind: interleaved, virtual_stages: 2}",
        "{kind: one_f_one_b, overlapped: true}"}) {
    const Json other = run(schedule);
    const bool pairs = schedule == std::string("dualpipe") ||
                       schedule == std::string("{kind: one_f_one_b, overlapped: true}");
    for (const char* kernel : {"attention", "experts", "gate"}) {
      // An exchange beside a kernel takes SMs from it.
      EXPECT_NEAR(phase(other, kernel), phase(one, kernel),
                  (pairs ? 0.01 : 1e-6) * phase(one, kernel))
          << schedule << " " << kernel;
      EXPECT_GE(phase(other, kernel), phase(one, kernel) * (1 - 1e-6)) << schedule;
    }
    EXPECT_DOUBLE_EQ(other["bytes"]["nvlink"], one["bytes"]["nvlink"]) << schedule;
    EXPECT_NEAR(other["tokens_per_s"].get<double>(), 4 * 1024 * 4 / step(other), 1);
  }
}

TEST_F(TrainingRun, HidesExchangesBehindTheOtherPassOfAPair) {
  const std::string one = "{ep: 8}";
  const Json serial = run("one_f_one_b", "", one);
  const Json paired = run("{kind: one_f_one_b, overlapped: true}", "", one);
  EXPECT_LT(step(paired), step(serial));
  const auto exposed = [](const Json& metrics) {
    return phase(metrics, "dispatch") + phase(metrics, "combine");
  };
  EXPECT_LT(exposed(paired), 0.6 * exposed(serial));  // three of four micro-batches have a partner
}

TEST_F(TrainingRun, ReducesGradientsBesideThePassesThatAreLeft) {
  const Json beside = run("one_f_one_b"),
             after = run("one_f_one_b", "training: {overlap_gradients: false}\n");
  EXPECT_LT(phase(beside, "gradients"), phase(after, "gradients"));
  EXPECT_LT(step(beside), step(after));
  // Without sharing the optimizer's states every replica passes over all of them.
  const Json whole = run("one_f_one_b", "training: {zero: 0}\n");
  EXPECT_GT(phase(whole, "optimizer"), phase(beside, "optimizer"));
}

// Forward once more: four passes where there were three.
TEST_F(TrainingRun, PaysForWhatItDoesNotKeep) {
  const Json none = run("one_f_one_b"), full = run("one_f_one_b", "training: {recompute: full}\n"),
             some = run("one_f_one_b", "training: {recompute: selective}\n");
  EXPECT_GT(step(full), step(some));
  EXPECT_GT(step(some), step(none));
  EXPECT_LT(full["memory_bytes_max"], some["memory_bytes_max"]);
  EXPECT_LT(some["memory_bytes_max"], none["memory_bytes_max"]);
  EXPECT_EQ(full["mfu"].get<double>() * step(full), none["mfu"].get<double>() * step(none));
}

}  // namespace
}  // namespace moesim
