// Slots, routes and weights of a batch's copies. Two experts on each of two GPUs, unless said.
#include "sim/step_placement/temporary_slots.hpp"

#include <gtest/gtest.h>

#include "tests/support/fake_cost.hpp"
#include "tests/support/mistakes.hpp"
#include "tests/support/placements.hpp"
#include "tests/support/replicas.hpp"

namespace moesim {
namespace {

const LayerPlacement kTwoByTwo = placement_of({0, 1, 2, 3}, 2);

// Three tokens of GPU 0 ask for 2 and 0, one of GPU 1 for 3 and 2.
Routing three_and_one() { return routing_of({{{2, 0}, {2, 0}, {2, 0}}, {{3, 2}}}, 4); }

Assignment assigned(const Routing& routing) {
  return assign("all_to_first", routing, kTwoByTwo, cluster_of(1, 2));
}

TEST(TemporarySlots, FollowTheSlotsOfTheirGpu) {
  const Routing routing = three_and_one();
  const StepCopies copies{.copies = {{GpuId(0), ExpertId(2)}, {GpuId(1), ExpertId(0)}},
                          .taken = {{GpuId(0), SlotId(2), GpuId(0), 2}}};
  const ExtendedLayer layer = extend(kTwoByTwo, assigned(routing), routing, copies, {});
  EXPECT_EQ(by_gpu(layer.placement), (Gpus{{0, 1, 2}, {2, 3, 0}}));
  EXPECT_EQ(layer.temporary, (std::vector<bool>{false, false, true, false, false, true}));
  EXPECT_EQ(layer.placement.slots_of[ExpertId(2)], (std::vector<SlotId>{SlotId(3), SlotId(2)}));
  // The first two of GPU 0's tokens stay, the third goes to GPU 1.
  EXPECT_EQ(slots_of(layer.assignment), (std::vector<int>{2, 0, 2, 0, 3, 0, 4, 3}));
  EXPECT_EQ(layer.assignment.routes(GpuId(0), SlotId(2)), 2);
  EXPECT_EQ(layer.assignment.routes(GpuId(0), SlotId(3)), 1);
  EXPECT_EQ(layer.assignment.routes(GpuId(1), SlotId(3)), 1);
  EXPECT_FALSE(layer.copies_receive);
}

TEST(TemporarySlots, WaitForTokensOfOtherGpus) {
  const Routing routing = counts_only(three_and_one());
  const StepCopies copies{.copies = {{GpuId(0), ExpertId(2)}},
                          .taken = {{GpuId(1), SlotId(2), GpuId(0), 1}}};
  Assignment assignment = assigned(routing);
  assignment.slots.clear();
  const ExtendedLayer layer = extend(kTwoByTwo, assignment, routing, copies, {});
  EXPECT_TRUE(layer.copies_receive);
  EXPECT_EQ(layer.assignment.routes(GpuId(1), SlotId(2)), 1);
  EXPECT_EQ(layer.assignment.routes(GpuId(1), SlotId(3)), 0);
  EXPECT_TRUE(layer.assignment.slots.empty());
}

TEST(TemporarySlots, AreNotUsedWhereTheTakerHoldsTheExpert) {
  const LayerPlacement copied = placement_of({0, 1, 2, 0}, 2);
  Routing routing = routing_of({{{0}, {0}}, {{2}}}, 3);
  const Assignment assignment = assign("all_to_first", routing, copied, cluster_of(1, 2));
  const StepCopies copies{.taken = {{GpuId(0), SlotId(0), GpuId(1), 1}}};
  const ExtendedLayer layer = extend(copied, assignment, routing, copies, {});
  EXPECT_EQ(slots_of(layer.assignment), (std::vector<int>{3, 0, 2}));
  EXPECT_FALSE(layer.copies_receive) << "only temporary copies count";
}

TEST(TemporarySlots, AreRefusedWhereIdsCannotNameThem) {
  const Routing routing = three_and_one();
  StepCopies copies;
  for (int expert = 0; expert < 32767 - 3; ++expert)
    copies.copies.push_back({GpuId(0), ExpertId(expert)});
  EXPECT_THROW(extend(kTwoByTwo, assigned(routing), routing, copies, {}), InputError);
}

MoeModel model_of_megabyte_experts() {
  MoeModel model;
  model.hidden = 1000;
  model.expert_width = 250;
  model.expert_matrices = 2;
  model.expert_dtype = DType::kBf16;
  return model;
}

// Expert 0 on GPU 0, for both GPUs of the second node: over the NIC once, to the peer of GPU 0,
// GPU 2, which hands it on to GPU 3. GPU 1 gets it over NVLink.
TEST(WeightCopies, CrossNicsOnceForANode) {
  const LayerPlacement map = placement_of({0, 1, 2, 3}, 4);
  const StepCopies copies{
      .copies = {{GpuId(1), ExpertId(0)}, {GpuId(2), ExpertId(0)}, {GpuId(3), ExpertId(0)}}};
  const Cluster cluster = cluster_of(2, 2);
  const WeightCopies weights =
      weight_copies(copies, {.path = WeightPath::kOncePerNode, .link_efficiency = 0.5, .sms = 3},
                    map, model_of_megabyte_experts(), cluster, FakeCost());
  ASSERT_TRUE(weights.between_gpus);
  ASSERT_EQ(weights.between_gpus->legs.size(), 2u);
  ByteMatrix first(4, 4), second(4, 4);
  first(GpuId(0), GpuId(2)) = 1e6;
  second(GpuId(0), GpuId(1)) = second(GpuId(2), GpuId(3)) = 1e6;
  EXPECT_EQ(weights.between_gpus->legs[0].bytes, first);
  EXPECT_EQ(weights.between_gpus->legs[1].bytes, second);
  EXPECT_EQ(weights.between_gpus->legs[0].network_inflation, 2);
  EXPECT_EQ(weights.between_gpus->sms, 3);
  EXPECT_EQ(weights.between_gpus->phase, Phase::kMigration);
  EXPECT_EQ(weights.bytes, 3e6);
}

// 1 MB over half of 64 GB/s, twice for the GPU that fetches two.
TEST(WeightCopies, ComeFromEachGpusHost) {
  const StepCopies copies{
      .copies = {{GpuId(0), ExpertId(2)}, {GpuId(0), ExpertId(3)}, {GpuId(1), ExpertId(0)}}};
  const WeightCopies weights =
      weight_copies(copies, {.path = WeightPath::kHost, .link_efficiency = 0.5}, kTwoByTwo,
                    model_of_megabyte_experts(), cluster_of(1, 2), FakeCost());
  ASSERT_TRUE(weights.from_hosts);
  EXPECT_NEAR(weights.from_hosts->time[GpuId(0)].memory.value, 62.5e-6, 1e-12);
  EXPECT_NEAR(weights.from_hosts->time[GpuId(1)].memory.value, 31.25e-6, 1e-12);
  EXPECT_EQ(weights.from_hosts->phase, Phase::kMigration);
  EXPECT_EQ(weights.bytes, 3e6);
}

// NCCL's ring inside a node passes each expert on from neighbour to neighbour, from its holder:
// 0 → 1 → 2 → 3 and 2 → 3 → 0 → 1.
TEST(WeightCopies, AreBroadcastFromTheirHolders) {
  const LayerPlacement map = placement_of({0, 1, 2, 3}, 4);
  StepCopies copies;
  for (const int gpu : {0, 1, 2, 3})
    for (const int expert : {0, 2})
      if (gpu != expert) copies.copies.push_back({GpuId(gpu), ExpertId(expert)});
  const WeightCopies weights =
      weight_copies(copies, {.path = WeightPath::kBroadcast}, map, model_of_megabyte_experts(),
                    cluster_of(1, 4), FakeCost());
  ASSERT_TRUE(weights.between_gpus);
  ByteMatrix ring(4, 4);
  ring(GpuId(0), GpuId(1)) = ring(GpuId(2), GpuId(3)) = 2e6;
  ring(GpuId(1), GpuId(2)) = ring(GpuId(3), GpuId(0)) = 1e6;
  EXPECT_EQ(weights.between_gpus->legs.front().bytes, ring);
  EXPECT_TRUE(weights.between_gpus->rendezvous);
  EXPECT_EQ(weights.bytes, 6e6);
}

TEST(WeightCopies, AreNoneWithoutCopies) {
  const WeightCopies weights =
      weight_copies({}, {}, kTwoByTwo, model_of_megabyte_experts(), cluster_of(1, 2), FakeCost());
  EXPECT_FALSE(weights.between_gpus);
  EXPECT_FALSE(weights.from_hosts);
}

}  // namespace
}  // namespace moesim
