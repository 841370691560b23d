// What is copied when experts change places.
#include "sim/rebalance/migration.hpp"

#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "tests/support/shared_data.hpp"

namespace moesim {
namespace {

LayerPlacement map_of(const std::vector<int>& experts, int slots_per_gpu) {
  IdVector<SlotId, ExpertId> expert_of(experts.size());
  int most = 0;
  for (const SlotId slot : expert_of.ids()) {
    expert_of[slot] = ExpertId(experts[slot.index()]);
    most = std::max(most, experts[slot.index()]);
  }
  const int slots = static_cast<int>(experts.size());
  return make_layer_placement(even_first_slots(slots, slots / slots_per_gpu), std::move(expert_of),
                              most + 1);
}

std::vector<SlotMove> plan(const std::vector<int>& before, const std::vector<int>& after,
                           int slots_per_gpu, int gpus_per_node) {
  return plan_migration(map_of(before, slots_per_gpu), map_of(after, slots_per_gpu),
                        [&](GpuId gpu) { return NodeId(gpu.value / gpus_per_node); });
}

// Four GPUs of three slots, two to a node.
TEST(PlanMigration, TakesTheNearestPlaceThatHasTheExpert) {
  using enum SlotSource;
  const auto moves =
      plan({0, 1, 2, 3, 0, 1, 4, 5, 6, 7, 4, 5}, {0, 4, 3, 0, 1, 2, 5, 6, 7, 7, 1, 1}, 3, 2);
  const std::vector<std::tuple<SlotSource, int>> expected = {
      {kUnchanged, 0}, {kCrossNode, 2}, {kSameNode, 1},     // GPU 0
      {kSameGpu, 4},   {kSameGpu, 5},   {kSameNode, 0},     // GPU 1
      {kSameGpu, 7},   {kSameGpu, 8},   {kSameNode, 3},     // GPU 2
      {kUnchanged, 9}, {kCrossNode, 0}, {kFreeRider, 10}};  // GPU 3
  for (std::size_t slot = 0; slot < moves.size(); ++slot) {
    const SlotMove& move = moves[slot];
    EXPECT_EQ(move.kind, std::get<0>(expected[slot])) << slot;
    EXPECT_EQ(move.from_slot.valid() ? move.from_slot.value : move.from_gpu.value,
              std::get<1>(expected[slot]))
        << slot;
  }
}

// Eight GPUs of one slot on one node: GPUs 2 .. 6 get expert 0, which GPUs 0 and 1 hold.
TEST(PlanMigration, SharesTheHoldersEvenlyInRunsTheLongerFirst) {
  const auto moves = plan({0, 0, 1, 1, 1, 1, 1, 2}, {0, 1, 0, 0, 0, 0, 0, 2}, 1, 8);
  std::vector<int> sources;
  for (int slot = 2; slot < 7; ++slot)
    sources.push_back(moves[static_cast<std::size_t>(slot)].from_gpu.value);
  EXPECT_EQ(sources, (std::vector<int>{0, 0, 0, 1, 1}));
}

TEST(PlanMigration, FetchesAnExpertOnceForTwoSlotsOfAGpu) {
  const auto moves = plan_migration(map_of({0, 0, 1, 1}, 2), map_of({0, 1, 0, 0}, 2),
                                    [](GpuId) { return NodeId(0); });
  EXPECT_EQ(moves[2].kind, SlotSource::kSameNode);
  EXPECT_EQ(moves[3].kind, SlotSource::kFreeRider);
  EXPECT_EQ(moves[3].from_slot, SlotId(2));
  const auto bytes = migration_bytes(moves, map_of({0, 1, 0, 0}, 2), Bytes(10));
  EXPECT_EQ(bytes(GpuId(0), GpuId(1)), 10);
  EXPECT_EQ(bytes(GpuId(1), GpuId(1)), 10);  // the second copy is made in the GPU
  EXPECT_EQ(bytes(GpuId(1), GpuId(0)), 10);
}

// Two slots a GPU. GPU 2 was dead, GPU 0 is now: what their slots name is expert 0 all the same.
TEST(PlanMigration, CopiesNothingToDeadGpusAndKnowsThatTheyHeldNothing) {
  LayerPlacement before = map_of({0, 1, 2, 0, 0, 0}, 2), after = map_of({0, 0, 2, 0, 0, 1}, 2);
  before.slots_of[ExpertId(0)] = {SlotId(0), SlotId(3)};
  after.slots_of[ExpertId(0)] = {SlotId(3), SlotId(4)};
  after.slots_of[ExpertId(2)] = {SlotId(2)};
  const auto moves = plan_migration(before, after, [](GpuId) { return NodeId(0); });
  for (const std::size_t slot : {0, 1, 2, 3}) EXPECT_EQ(moves[slot].kind, SlotSource::kUnchanged);
  for (const std::size_t slot : {4, 5}) {
    EXPECT_EQ(moves[slot].kind, SlotSource::kSameNode);
    EXPECT_EQ(moves[slot].from_gpu, GpuId(0));
  }
}

TEST(PlanMigration, EqualsTheGoldenCasesOfSglang) {
  MOESIM_NEEDS_SHARED(path, "placement_golden.json");
  const auto golden = nlohmann::json::parse(std::ifstream(path));
  int cases = 0;
  for (const auto& test_case : golden["cases"]) {
    if (test_case["algorithm"] != "sglang_migration_plan") continue;
    ++cases;
    const auto& in = test_case["inputs"];
    const auto moves =
        plan(in["old_phy2log"], in["new_phy2log"], in["slots_per_gpu"], in["gpus_per_node"]);
    ASSERT_EQ(moves.size(), test_case["expected"]["plan"].size());
    for (std::size_t i = 0; i < moves.size(); ++i) {
      const auto& expected = test_case["expected"]["plan"][i];
      const SlotMove& move = moves[i];
      const bool local = move.from_slot.valid();
      EXPECT_EQ(move.slot.value, expected[0].get<int>());
      EXPECT_EQ(to_string(move.kind), expected[1].get<std::string>())
          << test_case["name"] << " slot " << i;
      EXPECT_EQ(local ? move.from_slot.value : move.from_gpu.value, expected[2].get<int>())
          << test_case["name"] << " slot " << i;
    }
  }
  EXPECT_EQ(cases, 5);
}

// GPU 0 of three is dead: expert 0 has a copy on GPU 1, which gives it on; expert 1 has none.
TEST(PlanMigration, FetchesNothingFromDeadGpus) {
  using enum SlotSource;
  const std::vector<GpuId> dead = {GpuId(0)};
  LayerPlacement after = map_of({0, 1, 2, 0, 2, 1}, 2);
  after.slots_of[ExpertId(0)] = {SlotId(3)};
  after.slots_of[ExpertId(1)] = {SlotId(5)};
  const LayerPlacement before = without_gpus(map_of({0, 1, 0, 2, 2, 2}, 2), dead);
  const auto moves = plan_migration(before, after, [](GpuId) { return NodeId(0); });
  EXPECT_EQ(moves[3].kind, kSameGpu);
  EXPECT_EQ(moves[4].kind, kUnchanged);
  EXPECT_EQ(moves[5].kind, kLoaded);
  for (const SlotMove& move : moves)
    if (move.kind != kUnchanged) {
      EXPECT_NE(move.from_gpu, GpuId(0));
    }
  const ByteMatrix bytes = migration_bytes(moves, after, Bytes(10));
  EXPECT_EQ(std::accumulate(bytes.raw().begin(), bytes.raw().end(), 0.0), 20);
}

}  // namespace
}  // namespace moesim
