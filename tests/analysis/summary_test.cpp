#include "analysis/summary.hpp"

#include <gmock/gmock.h>

#include <limits>

#include "analysis/csv.hpp"
#include "tests/analysis/example_run.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> keys(const Json& object) {
  std::vector<std::string> names;
  for (const auto& [key, value] : object.items()) names.push_back(key);
  return names;
}

TEST(Summary, HasTheKeysOfTheContractInTheirOrder) {
  const Json summary = summary_document(example_scenario(), example_result());
  EXPECT_THAT(keys(summary),
              ElementsAre("schema", "scenario", "seed", "warnings", "provenance", "uncertainty",
                          "metrics", "layers", "gpus", "hot", "links", "gate", "rebalance"));
  const Json& metrics = summary["metrics"];
  EXPECT_THAT(keys(metrics),
              ElementsAre("tokens_per_s", "tokens_per_s_per_gpu", "step_time_s", "breakdown_s",
                          "communication_s", "imbalance", "straggler_wait_fraction", "drop_rate",
                          "token_drop_rate", "padding_waste", "bytes", "link_use", "gpu_use", "mfu",
                          "memory_bytes_max"));
  EXPECT_THAT(keys(metrics["step_time_s"]), ElementsAre("mean", "p50", "p95", "p99", "max"));
  EXPECT_THAT(keys(metrics["breakdown_s"]),
              ElementsAre("attention", "gate", "dispatch", "experts", "combine", "shared", "dense",
                          "wait", "migration"));
  EXPECT_THAT(keys(metrics["imbalance"]),
              ElementsAre("gpu_max_over_mean", "expert_max_over_mean", "gpu_cv", "gpu_gini",
                          "balancedness_sglang", "balancedness_vllm"));
  EXPECT_THAT(keys(metrics["bytes"]), ElementsAre("nvlink", "network", "migration"));
  EXPECT_THAT(keys(metrics["link_use"]), ElementsAre("nvlink_max", "nic_max", "spine_max"));
}

// Of the two steps: dispatch 1 and 3 ms, of which 0 and 2 ms hidden; combine 2 and 6 ms, 1 ms of
// each.
TEST(Summary, SaysHowMuchOfTheCommunicationKernelsHide) {
  const Json summary = summary_document(example_scenario(), example_result());
  const Json& communication = summary["metrics"]["communication_s"];
  EXPECT_THAT(keys(communication), ElementsAre("dispatch", "combine", "any"));
  EXPECT_EQ(communication["dispatch"].dump(),
            R"({"under_way":0.002,"hidden":0.001,"exposed":0.001})");
  EXPECT_EQ(communication["combine"].dump(),
            R"({"under_way":0.004,"hidden":0.001,"exposed":0.003})");
  EXPECT_EQ(communication["any"].dump(), R"({"under_way":0.006,"hidden":0.002,"exposed":0.004})");
}

TEST(Summary, ReportsLinksByClassByNameAndByPhase) {
  const Json links = summary_document(example_scenario(), example_result())["links"];
  ASSERT_EQ(links["classes"].size(), 2u);
  EXPECT_EQ(links["classes"][0].dump(),
            R"({"class":"nvlink","links":4,"bytes":8000000.0,"use_mean":0.125,"use_max":0.25,)"
            R"("busiest":"node0.gpu1.nvlink_out","phases":{"dispatch":{"bytes":1000000.0,)"
            R"("use":0.2},"combine":{"bytes":3000000.0,"use":0.05}}})");
  EXPECT_EQ(links["hottest"][0]["name"], "node0.gpu1.nic_in");
  EXPECT_EQ(links["hottest"][0]["background"], 0.3);
  EXPECT_EQ(links["hottest"][1]["phases"]["combine"]["bytes"], 3e6);
}

TEST(Summary, ShowsTheResolvedScenarioWithItsTypes) {
  const Json scenario = summary_document(example_scenario(), example_result())["scenario"];
  EXPECT_EQ(scenario["schema"], "moesim.scenario/1");
  EXPECT_EQ(scenario["cluster"].dump(), R"({"preset":"h200-sxm-ib400"})");
  EXPECT_EQ(scenario["model"].dump(), R"({"experts":8,"name":"12"})");
  EXPECT_EQ(scenario["network"].dump(), R"({"tolerance":0.003,"force":false})");
}

TEST(Summary, NamesItsSourcesAndItsUncertainty) {
  const Json summary = summary_document(example_scenario(), example_result());
  EXPECT_EQ(summary["schema"], "moesim.summary/1");
  EXPECT_EQ(summary["seed"], 7);
  EXPECT_EQ(summary["provenance"]["calibrations"].dump(), R"(["h200-sxm"])");
  EXPECT_EQ(summary["provenance"]["fidelity"], "fluid");
  EXPECT_EQ(summary["provenance"]["inputs"].dump(),
            R"([{"file":"scenarios/models/tiny.yaml","digest":"fnv1a:0123"}])");
  EXPECT_EQ(summary["provenance"]["kernels"][1].dump(),
            R"({"kernel":"attention","measured":false,"held_out_mape":null})");
  EXPECT_EQ(summary["warnings"].size(), 2u);  // its own, and that of the roofline
  for (const char* metric : {"tokens_per_s", "tokens_per_s_per_gpu", "step_time_s.mean", "mfu"}) {
    const Json& band = summary["uncertainty"][metric];
    EXPECT_LT(band["low"].get<double>(), band["high"].get<double>()) << metric;
  }
}

TEST(Summary, AHotSpotCostsSecondsAndAShareOfTheStep) {
  const Json summary = summary_document(example_scenario(), example_result());
  EXPECT_EQ(summary["hot"].dump(),
            R"([{"layer":1,"gpu":1,"expert":5,"share":0.0005,"share_of_step":0.025}])");
}

TEST(Summary, SaysNullForWhatIsNotDefined) {
  RunResult result = example_result();
  for (StepRecord& step : result.steps) step.dropped_tokens_known = false;
  result.mfu = std::numeric_limits<double>::infinity();
  result.errors.clear();
  const Json summary = summary_document(example_scenario(), result);
  EXPECT_TRUE(summary["metrics"]["token_drop_rate"].is_null());
  EXPECT_TRUE(summary["metrics"]["mfu"].is_null());
  EXPECT_EQ(summary["uncertainty"].dump(), "{}");
}

TEST(Summary, NumbersReadBackExactly) {
  RunResult result = example_result();
  result.mfu = 0.1 + 0.2;
  const std::string text = write_json(summary_document(example_scenario(), result));
  EXPECT_EQ(Json::parse(text)["metrics"]["mfu"].get<double>(), 0.1 + 0.2);
  EXPECT_TRUE(text.ends_with("}\n"));
}

TEST(StepsCsv, HasAHeaderAndARowPerStep) {
  EXPECT_EQ(
      steps_csv(example_result()),
      "step,tokens,step_time_s,attention_s,gate_s,dispatch_s,experts_s,combine_s,shared_s,dense_s,"
      "wait_s,migration_s,gpu_max_over_mean,expert_max_over_mean,gpu_cv,gpu_gini,"
      "balancedness_sglang,balancedness_vllm,routes,dropped_routes,dropped_tokens,rows,"
      "nvlink_bytes,network_bytes,migration_bytes,communication_s,hidden_communication_s\n"
      "0,1000,0.01,0.002,0,0.001,0.004,0.001,0,0,0.002,0,1.2,2,0.2,0.05,0.8,0.8,4000,100,10,5200,"
      "3000000,1000000,0,0.003,0.001\n"
      "1,1000,0.03,0.004,0,0.003,0.012,0.003,0,0,0.008,0,1.4,3,0.4,0.15,0.6,0.5,4000,300,30,4800,"
      "5000000,2000000,0,0.009,0.003\n");
}

TEST(StepsCsv, LeavesUnknownFieldsEmpty) {
  RunResult result = example_result();
  result.steps.resize(1);
  result.steps[0].dropped_tokens_known = false;
  EXPECT_THAT(steps_csv(result), ::testing::HasSubstr(",4000,100,,5200,"));
}

TEST(GpusCsv, HasARowPerGpu) {
  EXPECT_EQ(gpus_csv(example_result()),
            "gpu,node,attention_s,gate_s,dispatch_s,experts_s,combine_s,shared_s,dense_s,wait_s,"
            "migration_s,routes_per_step,busy,memory_bytes\n"
            "0,0,0,0,0,0,0,0,0,0,0,1800,0.5,40000000000\n"
            "1,0,0,0,0,0,0,0,0,0,0,2200,0.75,60000000000\n");
}

}  // namespace
}  // namespace moesim
