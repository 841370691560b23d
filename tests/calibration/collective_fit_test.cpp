#include "sim/calibration/collective_fit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/calibration/cost_models.hpp"
#include "tests/support/measured_tables.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {
using ::testing::HasSubstr;

constexpr PortRates kHopper{.nvlink = BytesPerSecond(450e9), .nic = BytesPerSecond(50e9)};

TEST(ReadCollectiveRow, ReadsRowsOfOneNodeAndOfSeveral) {
  const MeasuredTable one = table_of(
      "system,nccl_version,collective,num_gpus,message_bytes,latency_ms,busbw_GBps\n"
      "H100,2.29.2,all_gather,8,1024,0.0104,0\n"
      "H100,2.29.2,sendrecv,8,1024,0.0104,0\n"
      "L40S,2.29.2,all_gather,8,1024,0.0104,0\n"
      "H100,2.29.2,all_gather,1,1024,0.0104,0\n");
  ASSERT_TRUE(is_collective_table(one));
  const CollectiveRow row = read_collective_row(one, 0);
  EXPECT_EQ(row.sample.kind, CollectiveKind::kAllGather);
  EXPECT_EQ(row.sample.group.ranks, 8);
  EXPECT_FALSE(row.sample.crosses_nodes());
  EXPECT_NEAR(row.sample.measured.value, 10.4e-6, 1e-12);
  EXPECT_EQ(read_collective_row(one, 1).reason, "no model of sendrecv");
  EXPECT_EQ(read_collective_row(one, 2).reason, "L40S: no model of GPUs that share PCIe");
  EXPECT_EQ(read_collective_row(one, 3).reason, "a size is too small");
  const MeasuredTable several = table_of(
      "system,nccl_version,collective,num_nodes,gpus_per_node,message_bytes,time_us\n"
      "H100,22902,alltoall,10,8,80000,970\n");
  const CollectiveSample sample = read_collective_row(several, 0).sample;
  EXPECT_EQ(sample.group.ranks, 80);
  EXPECT_EQ(sample.group.domains, 10);
  // To each of 80 ranks 1000 bytes: 7 in the node, 72 beyond.
  EXPECT_DOUBLE_EQ(exchange_of(sample).work.local.value, 7000);
  EXPECT_DOUBLE_EQ(exchange_of(sample).work.network.value, 72000);
}

TEST(ReadCollectiveRow, NamesTheLibraryOfACustomAllReduce) {
  const MeasuredTable table = table_of(
      "system,framework,version,kernel_source,allreduce_dtype,num_gpus,message_elements,latency_"
      "ms\n"
      "H200,TRTLLM,1,TRTLLM:trtllm,bfloat16,2,128,0.0026\n"
      "H200,vLLM,1,vLLM_custom_eager,bfloat16,2,128,0.0206\n");
  const CollectiveSample sample = read_collective_row(table, 0).sample;
  EXPECT_EQ(sample.library, "trtllm");
  EXPECT_EQ(sample.size.value, 256);
  EXPECT_THAT(read_collective_row(table, 1).reason, HasSubstr("bound by the host"));
}

std::vector<CollectiveSample> exact_samples(const std::vector<CollectiveCost>& costs,
                                            const std::string& library) {
  std::vector<CollectiveSample> samples;
  for (const int ranks : {2, 4, 8})
    for (double size = 512; size < 2e9; size *= 4) {
      CollectiveSample sample{.library = library,
                              .kind = CollectiveKind::kAllReduce,
                              .system = "H200",
                              .group = {.ranks = ranks},
                              .size = Bytes(size)};
      sample.measured = kForever;
      for (const CollectiveCost& cost : costs)
        sample.measured = std::min(
            sample.measured,
            collective_time(cost, sample.kind, sample.group, sample.size, kHopper).total());
      samples.push_back(sample);
    }
  return samples;
}

const CollectiveCost kRing{
    .start_up = Seconds(4e-6), .per_local_hop = Seconds(1e-6), .local_efficiency = 0.8};
const CollectiveCost kNvls{.algorithm = CollectiveAlgorithm::kOneHop,
                           .start_up = Seconds(10e-6),
                           .per_local_hop = Seconds(8e-6),
                           .local_efficiency = 0.65};

TEST(FitCollectives, FindsRingAndNvSwitchesOfAnExactLibrary) {
  const auto samples = exact_samples({kRing, kNvls}, "nccl");
  const auto fits = fit_collectives(samples, "H200", kHopper, true);
  ASSERT_EQ(fits.size(), 1U);
  ASSERT_EQ(fits[0].costs.size(), 2U);
  EXPECT_LT(fits[0].fitted.mape, 0.02);
  EXPECT_NEAR(fits[0].costs[0].per_local_hop.value, 1e-6, 0.1e-6);
  EXPECT_NEAR(fits[0].costs[1].local_efficiency, 0.65, 0.02);
  EXPECT_EQ(fits[0].errors.size(), samples.size());
  EXPECT_EQ(fit_collectives(samples, "H200", kHopper, false)[0].costs.size(), 1U);
}

TEST(FitCollectives, LetsACustomAllReduceFallBackToNccl) {
  auto samples = exact_samples({kRing}, "nccl");
  const CollectiveCost one_shot{.algorithm = CollectiveAlgorithm::kOneShot,
                                .start_up = Seconds(2e-6),
                                .local_efficiency = 0.5};
  const auto custom = exact_samples({one_shot, kRing}, "trtllm");
  samples.insert(samples.end(), custom.begin(), custom.end());
  const auto fits = fit_collectives(samples, "H200", kHopper, false);
  ASSERT_EQ(fits.size(), 2U);
  EXPECT_EQ(fits[1].library, "trtllm");
  EXPECT_LT(fits[1].fitted.mape, 0.03);
}

TEST(CalibratedCost, TakesTheFastestFormOfACollective) {
  const std::string entry = "- {library: nccl, kind: all_reduce, scope: local, algorithm: ";
  const auto cost = round_cost("collectives:\n" + entry + "ring, per_local_hop: 1 us}\n" + entry +
                               "one_hop, start_up: 6 us, per_local_hop: 1 us, "
                               "local_efficiency: 0.9}\n");
  const auto seconds = [&](int ranks, double size) {
    return cost
        ->collective(CollectiveKind::kAllReduce, {.ranks = ranks}, Bytes(size), kHopper, "nccl")
        .time.total()
        .value;
  };
  EXPECT_NEAR(seconds(2, 8), 2e-6, 1e-9);  // ring: two hops
  EXPECT_NEAR(seconds(8, 8), 8e-6, 1e-9);  // NVSwitches: two hops and 6 us, the ring has 14
  EXPECT_NEAR(seconds(8, 8e9), 8e-6 + 9e9 / 405e9, 1e-7);
  // A library without entries of its own is NCCL's; a broadcast takes the hops of an all-gather.
  EXPECT_NEAR(cost->collective(CollectiveKind::kAllReduce, {.ranks = 2}, Bytes(8), kHopper, "vllm")
                  .time.total()
                  .value,
              2e-6, 1e-9);
  EXPECT_THAT(cost->warnings(), ::testing::IsEmpty());
  cost->collective(CollectiveKind::kBroadcast, {.ranks = 8}, Bytes(8), kHopper, "nccl");
  EXPECT_THAT(cost->warnings(), ::testing::ElementsAre("broadcast in a node: no calibration has "
                                                       "it; a ring at datasheet rates"));
}

TEST(CalibratedCost, TakesAnAllToAllFromTheExchanges) {
  const auto cost = round_cost(
      "exchanges:\n- {library: nccl, phase: dispatch, scope: local, start_up: 7 us, "
      "local_efficiency: 0.5}\n");
  EXPECT_NEAR(cost->collective(CollectiveKind::kAllToAll, {.ranks = 4}, Bytes(4e6), kHopper, "nccl")
                  .time.total()
                  .value,
              7e-6 + 3e6 / 225e9, 1e-12);
}

}  // namespace
}  // namespace moesim
