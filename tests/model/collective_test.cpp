#include "sim/model/collective.hpp"

#include <gtest/gtest.h>

namespace moesim {
namespace {
using enum CollectiveKind;
using enum CollectiveAlgorithm;

constexpr PortRates kRates{.nvlink = BytesPerSecond(400e9), .nic = BytesPerSecond(50e9)};

TEST(CollectiveWork, OfARingPassesAllButTheOwnShare) {
  const CollectiveWork gather = collective_work(kAllGather, kRing, {.ranks = 8}, Bytes(800));
  EXPECT_DOUBLE_EQ(gather.local.value, 700);
  EXPECT_DOUBLE_EQ(gather.local_hops, 7);
  EXPECT_EQ(gather.network.value, 0);
  EXPECT_EQ(gather.network_hops, 0);
  const CollectiveWork reduce = collective_work(kAllReduce, kRing, {.ranks = 8}, Bytes(800));
  EXPECT_DOUBLE_EQ(reduce.local.value, 1400);
  EXPECT_DOUBLE_EQ(reduce.local_hops, 14);
  const CollectiveWork broadcast = collective_work(kBroadcast, kRing, {.ranks = 8}, Bytes(800));
  EXPECT_DOUBLE_EQ(broadcast.local.value, 800);
  EXPECT_DOUBLE_EQ(broadcast.local_hops, 7);
}

// One ring for each of the four GPUs of a node: its NIC carries a quarter.
TEST(CollectiveWork, OverNodesSharesTheBytesBetweenTheNicsOfANode) {
  const CollectiveGroup group{.ranks = 16, .domains = 4};
  const CollectiveWork ring = collective_work(kReduceScatter, kRing, group, Bytes(1600));
  EXPECT_DOUBLE_EQ(ring.local.value, 1500);
  EXPECT_DOUBLE_EQ(ring.network.value, 375);
  EXPECT_DOUBLE_EQ(ring.network_hops, 4);
  EXPECT_DOUBLE_EQ(ring.local_hops, 11);
  const CollectiveWork tree = collective_work(kAllReduce, kTree, group, Bytes(1600));
  EXPECT_DOUBLE_EQ(tree.network_hops, 4);  // two levels, up and down
  EXPECT_DOUBLE_EQ(tree.local_hops, 6);    // a chain of four, there and back
  EXPECT_DOUBLE_EQ(tree.network.value, 800);
  EXPECT_DOUBLE_EQ(tree.local.value, 2400);
}

TEST(CollectiveWork, OfNvSwitchesSendsTheBufferAndTheOwnShareAgain) {
  const CollectiveWork reduce = collective_work(kAllReduce, kOneHop, {.ranks = 8}, Bytes(800));
  EXPECT_DOUBLE_EQ(reduce.local.value, 900);
  EXPECT_DOUBLE_EQ(reduce.local_hops, 2);
  const CollectiveWork gather = collective_work(kAllGather, kOneHop, {.ranks = 8}, Bytes(800));
  EXPECT_DOUBLE_EQ(gather.local.value, 700);
  EXPECT_DOUBLE_EQ(gather.local_hops, 1);
}

TEST(CollectiveWork, OfOneKernelReadsAllPeersOnceOrTheirSharesTwice) {
  EXPECT_DOUBLE_EQ(collective_work(kAllReduce, kOneShot, {.ranks = 4}, Bytes(400)).local.value,
                   1200);
  EXPECT_DOUBLE_EQ(collective_work(kAllReduce, kTwoShot, {.ranks = 4}, Bytes(400)).local.value,
                   600);
}

TEST(CollectiveTime, AddsStartUpHopsAndWire) {
  const CollectiveCost cost{.start_up = Seconds(5e-6),
                            .per_local_hop = Seconds(1e-6),
                            .local_efficiency = 0.5,
                            .pair_loss = 0.8};
  // 8 GPUs: 7 hops; 700 kB at 400 · 0.5 · (1 − 0.1) = 180 GB/s.
  EXPECT_NEAR(collective_time(cost, kAllGather, {.ranks = 8}, Bytes(800e3), kRates).total().value,
              12e-6 + 700e3 / 180e9, 1e-12);
  EXPECT_EQ(collective_time(cost, kAllGather, {.ranks = 1}, Bytes(800e3), kRates).total().value, 0);
}

TEST(CollectiveTime, IsBoundByTheNicBetweenNodesOfOneGpu) {
  const CollectiveCost cost{.per_network_hop = Seconds(10e-6), .network_efficiency = 0.8};
  // 2 · 9/10 of 1 MB at 40 GB/s, and 20 hops.
  EXPECT_NEAR(collective_time(cost, kAllReduce, {.ranks = 10, .domains = 10}, Bytes(1e6), kRates)
                  .total()
                  .value,
              200e-6 + 1.8e6 / 40e9, 1e-12);
}

TEST(Collectives, KeepTheirNames) {
  for (const CollectiveKind kind : {kAllReduce, kAllGather, kReduceScatter, kBroadcast, kAllToAll})
    EXPECT_EQ(collective_kind_of(to_string(kind)), kind);
  for (const CollectiveAlgorithm algorithm : {kRing, kTree, kOneHop, kOneShot, kTwoShot, kPairwise})
    EXPECT_EQ(collective_algorithm_of(to_string(algorithm)), algorithm);
}

}  // namespace
}  // namespace moesim
