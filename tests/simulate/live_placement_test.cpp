#include "sim/live_placement.hpp"

#include <gtest/gtest.h>

#include "tests/support/clusters.hpp"
#include "tests/support/placements.hpp"

namespace moesim {
namespace {

LayerPlacement on_live(const std::string& section, const PlacementRequest& request,
                       const std::vector<GpuId>& dead, int slots) {
  Mistakes mistakes;
  const YamlNode root = parse_yaml(text_source("test", "placement: " + section));
  const Choice choice = read_choice("placement", root.entries.front().value, mistakes);
  mistakes.throw_if_any();
  return place_on_live(choice, request, dead, slots).layers[LayerId(0)];
}

// What elasticity_aware makes of the same GPUs (elasticity_aware_test.cpp), but that the dead GPU
// has no slots.
TEST(PlacementOnLiveGpus, IsThatOfThePolicyForTheLiveOnes) {
  const PlacementRequest request{.load = load_of({{4, 3, 2, 1}}), .gpus = 4};
  const LayerPlacement map = on_live("{kind: eplb, redundant: 4}", request, {GpuId(1)}, 2);
  EXPECT_EQ(by_gpu(map), (Gpus{{0, 1}, {}, {2, 1}, {0, 3}}));
  EXPECT_EQ(gpu_load(map, {4, 3, 2, 1}), (std::vector<double>{3.5, 0, 3.5, 3}));
  EXPECT_EQ(map.first_slot, (std::vector<int>{0, 2, 2, 4, 6}));
}

TEST(PlacementOnLiveGpus, HasMoreSlotsWhereTheLiveGpusMustHoldMore) {
  const PlacementRequest request{.load = load_of({{1, 1, 1, 1}}), .gpus = 4};
  const Placement usual = plugin<PlacementPolicy>("linear")->place(request);
  EXPECT_EQ(slots_of_live_gpu(usual, 4, 4), 1);
  EXPECT_EQ(slots_of_live_gpu(usual, 4, 3), 2);
  EXPECT_EQ(by_gpu(on_live("linear", request, {GpuId(3)}, 2)), (Gpus{{0, 1}, {2, 3}, {0, 1}, {}}));
}

// Three GPUs live on node 0 and four on node 1, so that nodes and groups do not count.
TEST(PlacementOnLiveGpus, LooksAtNodesWhereTheyAreAlike) {
  PlacementRequest request{.load = load_of({{90, 132, 40, 61, 104, 165, 39, 4, 73, 56, 183, 86}}),
                           .gpus = 8,
                           .nodes = 2,
                           .groups = 4};
  const std::vector<GpuId> uneven = {GpuId(1)}, even = {GpuId(1), GpuId(6)};
  const std::string global = "{kind: eplb, redundant: 4, policy: global}";
  EXPECT_EQ(by_gpu(on_live("{kind: eplb, redundant: 4}", request, uneven, 2)),
            by_gpu(on_live(global, request, uneven, 2)));
  EXPECT_NE(by_gpu(on_live("{kind: eplb, redundant: 4}", request, even, 2)),
            by_gpu(on_live(global, request, even, 2)));
}

TEST(PlacementOnLiveGpus, ShowsThePolicyTheMapInUseWithoutTheDead) {
  PlacementRequest request{.load = load_of({{5, 1, 3, 1}}), .gpus = 4};
  const Placement present = plugin<PlacementPolicy>("{kind: linear, redundant: 4}")->place(request);
  request.present = &present;
  // Slots 0 1 | 2 3 | 0 1 | 2 3: without GPU 3 every expert is still there, and nothing needs to
  // move but for balance.
  const LayerPlacement map =
      on_live("{kind: swift_balancer, redundant: 4}", request, {GpuId(3)}, 2);
  EXPECT_EQ(map.slots(), 6);
  EXPECT_EQ(by_gpu(map)[3], std::vector<int>{});
}

// Two GPUs with attention before four with experts: the policy sees four.
TEST(PlacementOnExpertGpus, IsThatOfThePolicyForThem) {
  const Grid grid({.ep = 4, .attention_gpus = 4},
                  std::make_shared<const Cluster>(build_cluster(test_spec(1), "rail_optimized")));
  PlacementRequest request{.load = load_of({{4, 3, 2, 1}}), .gpus = 8};
  Mistakes mistakes;
  const YamlNode root = parse_yaml(text_source("test", "placement: {kind: eplb, redundant: 4}"));
  const Choice choice = read_choice("placement", root.entries.front().value, mistakes);
  const auto policy = placement_policy(choice, grid);
  const LayerPlacement map = policy->place(request).layers[LayerId(0)];
  const PlacementRequest alone{.load = request.load, .gpus = 4};
  Gpus expected = by_gpu(
      plugin<PlacementPolicy>("{kind: eplb, redundant: 4}")->place(alone).layers[LayerId(0)]);
  expected.insert(expected.begin(), 4, {});
  EXPECT_EQ(by_gpu(map), expected);
  EXPECT_EQ(map.first_slot, even_first_slots(8, grid));
  // A policy that keeps what it can sees the map in use without the others, too.
  const Placement present = policy->place(request);
  request.present = &present;
  EXPECT_EQ(by_gpu(policy->place(request).layers[LayerId(0)]), expected);
}

}  // namespace
}  // namespace moesim
