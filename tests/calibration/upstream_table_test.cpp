#include "sim/calibration/upstream_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/calibration/dense_table.hpp"
#include "sim/calibration/moe_table.hpp"
#include "tests/support/measured_tables.hpp"
#include "tests/support/mistakes.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {
using ::testing::HasSubstr;

TEST(UpstreamTable, ReadsTheMoeTablesOfAiconfigurator) {
  MeasuredTable table = table_of(
      "framework,version,device,op_name,kernel_source,moe_dtype,num_tokens,hidden_size,inter_size,"
      "topk,num_experts,moe_tp_size,moe_ep_size,distribution,latency\n"
      "TRTLLM,1.0,NVIDIA H200,moe,k,fp8_block,64,7168,2048,8,256,2,4,balanced,0.25\n");
  use_our_columns(table, TableSource::kAiconfigurator, "");
  ASSERT_TRUE(is_moe_table(table));
  const MoeRow row = read_moe_row(table, 0);
  EXPECT_EQ(row.system, "H200");
  EXPECT_EQ(row.dtype, DType::kFp8Block);
  EXPECT_EQ(row.tp, 2);
  EXPECT_EQ(row.ep, 4);
  EXPECT_EQ(row.tokens, 64);
  EXPECT_DOUBLE_EQ(row.measured.value, 0.25e-3);
}

TEST(UpstreamTable, ReadsItsAttentionTablesOfBothPhases) {
  MeasuredTable table = table_of(
      "framework,version,device,op_name,kernel_source,batch_size,isl,num_heads,"
      "num_key_value_heads,head_dim,beam_width,attn_dtype,kv_cache_dtype,step,latency\n"
      "TRTLLM,1,NVIDIA H100 80GB "
      "HBM3,context_attention,k,2,512,32,8,128,1,bfloat16,bfloat16,0,0.1\n"
      "TRTLLM,1,NVIDIA H100 80GB HBM3,generation_attention,k,4,1,32,8,128,1,bfloat16,bfloat16,99,"
      "0.2\n");
  use_our_columns(table, TableSource::kAiconfigurator, "");
  ASSERT_TRUE(is_dense_table(table));
  const DenseSample prefill = read_dense_row(table, 0).front();
  EXPECT_EQ(prefill.kernel, "attention_prefill");
  EXPECT_EQ(prefill.system, "H100");
  EXPECT_EQ(std::get<AttentionWork>(prefill.sample.work).query_tokens, 1024);
  const DenseSample decode = read_dense_row(table, 1).front();
  EXPECT_EQ(decode.kernel, "attention_decode");
  EXPECT_EQ(std::get<AttentionWork>(decode.sample.work).attended, 100);
  EXPECT_DOUBLE_EQ(decode.sample.seconds, 0.2e-3);
}

TEST(UpstreamTable, ReadsItsLatentAttentionAndTakesTheSystemThatIsSaid) {
  MeasuredTable table = table_of(
      "framework,version,op_name,kernel_source,mla_dtype,kv_cache_dtype,num_heads,batch_size,isl,"
      "tp_size,step,latency\n"
      "TRTLLM,1,mla_generation,k,bfloat16,fp8,16,8,1,8,1023,0.03\n");
  use_our_columns(table, TableSource::kAiconfigurator, "H200");
  const DenseSample sample = read_dense_row(table, 0).front();
  EXPECT_EQ(sample.system, "H200");
  EXPECT_EQ(sample.attention, "mla");
  EXPECT_EQ(sample.dtype, DType::kFp8);
  const auto& work = std::get<AttentionWork>(sample.sample.work);
  EXPECT_EQ(work.kv_heads, 1);
  EXPECT_EQ(work.kv_width, 576);
  EXPECT_TRUE(sample.projections.empty());
}

TEST(UpstreamTable, ReadsTheTablesOfFrontier) {
  MeasuredTable table = table_of(
      "time_stats.moe_gating_linear.median,time_stats.moe_gating_routing_topk.median,"
      "time_stats.moe_shuffling.median,time_stats.moe_grouped_gemm.median,num_tokens,num_experts,"
      "num_experts_per_device,expert_parallel_size,router_topk,hidden_dim,expert_hidden_dim,"
      "num_tensor_parallel_workers,measurement_type\n"
      "0.006,0.015,0.004,0.02,8,16,8,2,2,4096,448,1,KERNEL_ONLY\n");
  use_our_columns(table, TableSource::kFrontier, "H800");
  ASSERT_TRUE(is_dense_table(table));
  const std::vector<DenseSample> samples = read_dense_row(table, 0);
  ASSERT_EQ(samples.size(), 3U);
  EXPECT_EQ(samples[0].kernel, "gemm");
  EXPECT_EQ(samples[1].kernel, "gate");
  EXPECT_DOUBLE_EQ(samples[1].sample.seconds, 15e-6);
  EXPECT_EQ(samples[2].kernel, "permute");
  EXPECT_EQ(std::get<PlainWork>(samples[2].sample.work).tokens, 16);
  EXPECT_FALSE(samples[2].launch_gaps);
}

TEST(UpstreamTable, SaysWhichHeaderItMisses) {
  MeasuredTable table = table_of("a,b\n1,2\n");
  EXPECT_THAT(mistake_of([&] { use_our_columns(table, TableSource::kAiconfigurator, "H200"); }),
              HasSubstr("not a table of aiconfigurator: it has no column latency"));
  MeasuredTable other = table_of("a,b\n1,2\n");
  EXPECT_THAT(mistake_of([&] { use_our_columns(other, TableSource::kFrontier, "H200"); }),
              HasSubstr("not a table of Frontier"));
}

TEST(UpstreamTable, MapsColumnsByHand) {
  MeasuredTable table = table_of("gpu,rows,cols,depth,type,micros\nH100,16,1024,512,bf16,9\n");
  rename_columns(table,
                 {"system=gpu", "m=rows", "n=cols", "k=depth", "dtype=type", "latency_us=micros"});
  const DenseSample sample = read_dense_row(table, 0).front();
  EXPECT_EQ(std::get<GemmWork>(sample.sample.work).n, 1024);
  EXPECT_DOUBLE_EQ(sample.sample.seconds, 9e-6);
  EXPECT_THAT(mistake_of([&] { rename_columns(table, {"x=dtyp"}); }),
              HasSubstr("has no column 'dtyp'"));
  EXPECT_THAT(mistake_of([&] { rename_columns(table, {"m=n"}); }), HasSubstr("of its own"));
  EXPECT_THAT(mistake_of([&] { rename_columns(table, {"latency"}); }),
              HasSubstr("a column is mapped as ours=theirs"));
}

}  // namespace
}  // namespace moesim
