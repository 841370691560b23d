// Tables of GEMM and attention kernels: how they are read, and how well the shipped calibrations
// predict them.
#include "sim/calibration/dense_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "sim/base/csv.hpp"
#include "sim/calibration/datasheet.hpp"
#include "sim/calibration/validation.hpp"
#include "tests/support/measured_tables.hpp"
#include "tests/support/shared_data.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

TEST(DenseTable, ReadsTheProjectionsOfAWholeModule) {
  const MeasuredTable table = table_of(
      "system,scope,phase,mla_dtype,kv_cache_dtype,gemm_type,num_local_heads,batch_size,new_tokens,"
      "past_kv_len,latency_ms\n"
      "H200,mla_module_incl_projections,generation,bfloat16,bfloat16,fp8_block,16,8,1,100,0.1\n");
  const DenseSample sample = read_dense_row(table, 0).front();
  ASSERT_EQ(sample.projections.size(), 5U);
  EXPECT_EQ(sample.projections[0].m, 8);
  EXPECT_EQ(sample.projections[4].k, 16 * 128);
  EXPECT_EQ(sample.projections[4].dtype, DType::kFp8Block);
}

TEST(DenseTable, ReadsBothProjectionsOfAGroupedGemm) {
  const MeasuredTable table = table_of(
      "system,layout,num_experts,ep_size,num_local_experts,topk,hidden_size,inter_size,"
      "tokens_per_gpu,tokens_per_local_expert,up_proj_us,up_mfu,down_proj_us,down_mfu\n"
      "H800,masked,256,32,8,8,7168,2048,64,64,102.3,0.14,57.8,0.14\n");
  const std::vector<DenseSample> samples = read_dense_row(table, 0);
  ASSERT_EQ(samples.size(), 2U);
  const auto& up = std::get<GemmWork>(samples[0].sample.work);
  EXPECT_EQ(up.groups, 8);
  EXPECT_EQ(up.m, 64);
  EXPECT_EQ(up.n, 4096);
  EXPECT_DOUBLE_EQ(samples[1].sample.seconds, 57.8e-6);
}

TEST(DenseTable, LeavesOutTimesOfUnknownTypesAndOfZero) {
  const MeasuredTable table = table_of(
      "system,framework,version,kernel_source,dtype,m,n,k,latency_ms\n"
      "H200,T,1,k,fp6,1,2,3,1\nH200,T,1,k,fp8,1,2,3,0\n");
  EXPECT_EQ(read_dense_row(table, 0).front().reason, "dtype fp6 is not known");
  EXPECT_EQ(read_dense_row(table, 1).front().reason, "no measured time above 0");
}

TEST(DenseTable, SplitsDecodeIntoTheTwoKernelsOfTheLibrary) {
  MOESIM_NEEDS_SHARED(file, "attention_gqa_trtllm_bf16.csv.gz");
  const MeasuredTable table = sample_of(file, 211);
  std::vector<DenseSample> samples;
  for (std::size_t row = 0; row < table.rows(); ++row)
    if (table.text(row, "system") == "H200" && table.text(row, "phase") == "generation")
      samples.push_back(read_dense_row(table, row).front());
  const auto fits = fit_dense(samples, find_datasheet("H200")->gpu, 1, [](const std::string&) {});
  ASSERT_EQ(fits.size(), 2U);
  EXPECT_EQ(fits[0].kernel_source, "xqa");
  EXPECT_EQ(fits[1].kernel_source, "masked_mha");
  EXPECT_LT(fits[0].fit.fitted.median, 0.10);
  EXPECT_LT(fits[1].fit.fitted.median, 0.10);
}

void expect_median(const std::string& name, std::size_t step, double limit, std::size_t groups) {
  const std::filesystem::path file = shared_file(name);
  std::size_t seen = 0;
  for (const RegimeError& error : errors_by_regime(validate(sample_of(file, step), {}))) {
    if (error.regime != "all" || error.group.find("projections") != std::string::npos) continue;
    EXPECT_LT(error.error.median, limit) << error.group;
    ++seen;
  }
  EXPECT_EQ(seen, groups) << name;
}

TEST(ValidateSharedTables, PredictsGemmsWithinEightPercent) {
  MOESIM_NEEDS_SHARED(file, "dense_gemm_trtllm.csv.gz");
  expect_median("dense_gemm_trtllm.csv.gz", 29, 0.08, 7);
}

TEST(ValidateSharedTables, PredictsAttentionWithinEightPercent) {
  MOESIM_NEEDS_SHARED(file, "attention_gqa_trtllm_bf16.csv.gz");
  expect_median("attention_gqa_trtllm_bf16.csv.gz", 31, 0.08, 4);
  expect_median("attention_mla_trtllm.csv.gz", 13, 0.08, 8);
}

// Nobody fitted these: DeepGEMM on H800, with the kernels of TensorRT-LLM on H100. Those quantise
// their activations first.
TEST(ValidateSharedTables, CarriesH100KernelsToTheGemmsOfH800) {
  MOESIM_NEEDS_SHARED(file, "dense_gemm_fp8_h800_h20.csv");
  for (const RegimeError& error : errors_by_regime(validate(MeasuredTable::read(file), {}))) {
    if (error.regime != "all" || !error.group.starts_with("H800")) continue;
    EXPECT_LT(error.error.median, 0.30) << error.group;
  }
}

}  // namespace
}  // namespace moesim
