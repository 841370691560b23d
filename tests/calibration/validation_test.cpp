#include "sim/calibration/validation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "sim/base/csv.hpp"
#include "tests/support/measured_tables.hpp"
#include "tests/support/shared_data.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {
using ::testing::HasSubstr;

constexpr const char* kMoeHeader =
    "system,framework,version,kernel_source,dtype,distribution,model_shape,hidden_size,inter_size,"
    "topk,num_experts,moe_tp,moe_ep,num_tokens_global,latency_ms\n";

double mape_of(const Validation& validation, const std::string& group, const std::string& regime) {
  for (const RegimeError& error : errors_by_regime(validation))
    if (error.group.find(group) != std::string::npos && error.regime == regime)
      return error.error.mape;
  ADD_FAILURE() << "no regime " << regime << " of " << group;
  return 1;
}

void expect_fp8_block_aims(const std::string& system, const std::filesystem::path& file) {
  const MeasuredTable table = sample_of(file, 17);
  const Validation validation = validate(table, {.draws = 5});
  EXPECT_EQ(validation.rows.size(), table.rows());
  EXPECT_LT(mape_of(validation, system + " TRTLLM moe_torch_flow_cutlass fp8_block", "balanced"),
            0.055);
  EXPECT_LT(
      mape_of(validation, system + " TRTLLM moe_torch_flow_cutlass fp8_block", "power_law_1.01"),
      0.08);
}

TEST(ValidateSharedTables, MeetsTheAimsOnH200) {
  MOESIM_NEEDS_SHARED(file, "moe_kernel_h200_trtllm.csv.gz");
  expect_fp8_block_aims("H200", file);
}

TEST(ValidateSharedTables, MeetsTheAimsOnH100) {
  MOESIM_NEEDS_SHARED(file, "moe_kernel_h100_trtllm.csv.gz");
  expect_fp8_block_aims("H100", file);
}

TEST(ValidateSharedTables, PredictsEveryFrameworkOfEveryGpu) {
  for (const std::string gpu : {"a100", "h100", "h200"}) {
    for (const std::string framework : {"sglang", "trtllm", "vllm"}) {
      MOESIM_NEEDS_SHARED(file, "moe_kernel_" + gpu + "_" + framework + ".csv.gz");
      const Validation validation = validate(sample_of(file, 41), {.draws = 2});
      for (const Comparison& row : validation.rows) {
        ASSERT_TRUE(row.predicted_us) << gpu << " " << framework << ": " << row.reason;
        EXPECT_GT(*row.predicted_us, 0);
      }
    }
  }
}

void expect_exchange_error(const MeasuredTable& table, const std::string& scope, double limit) {
  const Validation validation = validate(table, {});
  EXPECT_EQ(validation.rows.size(), 2 * table.rows());
  int rows = 0;
  for (const RegimeError& error : errors_by_regime(validation)) {
    if (error.regime != "all" || error.group.find(scope) == std::string::npos) continue;
    EXPECT_LT(error.error.mape, limit) << error.group;
    rows += error.error.rows;
  }
  EXPECT_GT(rows, 0) << scope;
}

TEST(ValidateSharedTables, MeetsTheAimsOnLowLatencyExchanges) {
  MOESIM_NEEDS_SHARED(file, "deepep_low_latency.csv");
  const MeasuredTable table = MeasuredTable::read(file);
  expect_exchange_error(table, "over the network", 0.05);
  expect_exchange_error(table, "in a node", 0.06);
}

TEST(ValidateSharedTables, MeetsTheAimsOnNormalExchanges) {
  MOESIM_NEEDS_SHARED(file, "deepep_normal.csv.gz");
  const MeasuredTable table = MeasuredTable::read(file);
  expect_exchange_error(table, "over the network", 0.06);
  expect_exchange_error(table, "in a node", 0.05);
}

TEST(ValidateSharedTables, MeetsTheAimsOnCollectives) {
  for (const auto& [name, limit] : {std::pair{"nccl_collectives_single_node.csv", 0.08},
                                    std::pair{"nccl_collectives_h100_multinode.csv", 0.05}}) {
    MOESIM_NEEDS_SHARED(file, name);
    int groups = 0;
    for (const RegimeError& error : errors_by_regime(validate(MeasuredTable::read(file), {}))) {
      if (error.regime != "from 1 MB") continue;
      EXPECT_LT(error.error.mape, limit) << error.group;
      ++groups;
    }
    EXPECT_GE(groups, 8) << name;
  }
}

// Rows of policies.md 4.3 that the table does not hold, and so no fit has seen.
TEST(Validate, PredictsPublishedExchangesOfOtherSizes) {
  const MeasuredTable table = table_of(
      "library,commit,date,hardware,mode,phase,ep_size,num_tokens_per_rank,hidden_size,topk,"
      "num_experts,dtype,latency_us,logical_bw_GBps,bottleneck_link,num_sms\n"
      "DeepEP,c,2025-06-05,H800+CX7,low_latency,dispatch,32,128,7168,8,256,fp8,155,,RDMA,\n"
      "DeepEP,c,2025-06-05,H800+CX7,low_latency,combine,32,128,7168,8,256,bf16,273,,RDMA,\n"
      "DeepEP,c,2025-06-05,H800+CX7,low_latency,dispatch,128,128,7168,8,256,fp8,192,,RDMA,\n"
      "DeepEP,c,2025-06-05,H800+CX7,low_latency,dispatch,256,128,7168,8,256,fp8,194,,RDMA,\n"
      "DeepEP,c,2025-06-05,H800+CX7,low_latency,combine,256,128,7168,8,256,bf16,360,,RDMA,\n"
      "DeepEP,c,2025-06-05,H800+CX7,normal,dispatch,64,4096,7168,8,256,fp8,,51,RDMA,\n"
      "DeepEP,c,2025-06-05,H800+CX7,normal,combine,64,4096,7168,8,256,bf16,,50,RDMA,\n");
  for (const Comparison& row : validate(table, {}).rows)
    EXPECT_NEAR(*row.predicted_us, *row.measured_us, 0.1 * *row.measured_us) << row.row;
}

TEST(ValidateSharedTables, KeepsTheRowsOfTablesItHasNoModelFor) {
  for (const std::string name : {"wideep_expert_compute_trtllm_eplb.csv.gz",
                                 "moe_kernel_rtxpro6000_activated_experts.csv"}) {
    MOESIM_NEEDS_SHARED(file, name);
    const MeasuredTable table = MeasuredTable::read(file);
    const Validation validation = validate(table, {});
    ASSERT_EQ(validation.rows.size(), table.rows());
    for (const Comparison& row : validation.rows) {
      EXPECT_FALSE(row.predicted_us);
      EXPECT_FALSE(row.reason.empty());
    }
  }
}

TEST(Validate, GivesAReasonForEachRowItCannotPredict) {
  const MeasuredTable table =
      table_of(std::string(kMoeHeader) +
               "H200,TRTLLM,1,k,fp8_block,balanced,m,7168,2048,8,256,1,8,64,0.1\n"
               "H200,TRTLLM,1,k,fp6,balanced,m,7168,2048,8,256,1,8,64,0.1\n"
               "H200,TRTLLM,1,k,fp8_block,zigzag,m,7168,2048,8,256,1,8,64,0.1\n"
               "H200,TRTLLM,1,k,fp8_block,balanced,m,7168,2048,8,256,1,7,64,0.1\n"
               "Z9,TRTLLM,1,k,fp8_block,balanced,m,7168,2048,8,256,1,8,64,0.1\n"
               "A100,TRTLLM,1,k,fp8,balanced,m,7168,2048,8,256,1,8,64,0.1\n");
  const Validation validation = validate(table, {});
  ASSERT_EQ(validation.rows.size(), 6U);
  EXPECT_TRUE(validation.rows[0].predicted_us);
  EXPECT_EQ(validation.rows[1].reason, "dtype fp6 is not known");
  EXPECT_EQ(validation.rows[2].reason, "distribution zigzag is not known");
  EXPECT_EQ(validation.rows[3].reason, "moe_ep does not divide num_experts");
  EXPECT_EQ(validation.rows[4].reason, "no calibration and no datasheet of the system 'Z9'");
  EXPECT_EQ(validation.rows[5].reason, "calibration a100-sxm-trtllm has no experts in fp8");
  for (std::size_t row = 1; row < 6; ++row) EXPECT_FALSE(validation.rows[row].predicted_us);
}

TEST(Validate, MovesACalibrationToASystemThatHasNone) {
  const MeasuredTable table =
      table_of(std::string(kMoeHeader) +
               "GB200,TRTLLM,1,k,fp8_block,balanced,m,7168,2048,8,256,1,8,64,0.1\n"
               "H200,TRTLLM,1,k,fp8_block,balanced,m,7168,2048,8,256,1,8,64,0.1\n");
  const Validation validation = validate(table, {});
  ASSERT_TRUE(validation.rows[0].predicted_us && validation.rows[1].predicted_us);
  EXPECT_LT(*validation.rows[0].predicted_us, *validation.rows[1].predicted_us);
  EXPECT_THAT(validation.warnings, ::testing::Contains(HasSubstr("moved from H200 SXM to GB200")));
}

TEST(Validate, GivesTheSameDigitsForTheSameSeed) {
  const MeasuredTable table =
      table_of(std::string(kMoeHeader) +
               "H200,TRTLLM,1,k,fp8_block,power_law_1.2,m,7168,2048,8,256,1,16,512,0.1\n");
  const auto predicted = [&](std::uint64_t seed) {
    return *validate(table, {.draws = 3, .seed = seed}).rows[0].predicted_us;
  };
  EXPECT_EQ(predicted(1), predicted(1));
  EXPECT_NE(predicted(1), predicted(2));
}

TEST(ErrorsByRegime, CountSuspectMeasurementsApart) {
  Validation validation;
  validation.rows = {{.predicted_us = 11, .measured_us = 10, .group = "g", .regimes = {"balanced"}},
                     {.predicted_us = 10, .measured_us = 40, .group = "g", .suspect = true},
                     {.measured_us = 10, .reason = "none", .group = "g"}};
  const std::vector<RegimeError> errors = errors_by_regime(validation);
  ASSERT_EQ(errors.size(), 3U);
  EXPECT_EQ(errors[0].regime, "all");
  EXPECT_NEAR(errors[0].error.mape, 0.1, 1e-12);
  EXPECT_EQ(errors[1].regime, "balanced");
  EXPECT_EQ(errors[2].regime, "suspect measurements");
  EXPECT_NEAR(errors[2].error.bias, -0.75, 1e-12);
}

TEST(Validation, ListsRegimesOfAKindByTheirNumbers) {
  Validation validation;
  for (const char* ep : {"EP 8", "EP 256", "EP 16"})
    validation.rows.push_back({.predicted_us = 11,
                               .measured_us = 10,
                               .group = "g",
                               .regimes = {ep, "tokens above 4096", "tokens 1-16"}});
  std::vector<std::string> names;
  for (const RegimeError& error : errors_by_regime(validation)) names.push_back(error.regime);
  EXPECT_EQ(names, (std::vector<std::string>{"all", "EP 8", "EP 16", "EP 256", "tokens 1-16",
                                             "tokens above 4096"}));
}

}  // namespace
}  // namespace moesim
