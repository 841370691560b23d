#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "sim/placement/placement_policy.hpp"
#include "tests/support/placements.hpp"
#include "tests/support/plugin.hpp"
#include "tests/support/shared_data.hpp"

namespace moesim {
namespace {

using Map = std::vector<std::vector<int>>;

struct Sizes {
  int slots = 0, groups = 1, nodes = 1, gpus = 1;
};

Placement eplb(const std::vector<std::vector<double>>& weight, const Sizes& sizes,
               const std::string& options = "") {
  ExpertLoad load(weight.size(), weight.front().size());
  for (const LayerId layer : load.row_ids())
    for (const ExpertId expert : load.column_ids())
      load(layer, expert) = weight[layer.index()][expert.index()];
  const int redundant = sizes.slots - static_cast<int>(load.columns());
  return plugin<PlacementPolicy>("{kind: eplb, redundant: " + std::to_string(redundant) + options +
                                 "}")
      ->place({.load = load, .gpus = sizes.gpus, .nodes = sizes.nodes, .groups = sizes.groups});
}

// log2phy, each row padded with −1 to `width`.
Map slots_of(const LayerPlacement& layer, std::size_t width) {
  Map map;
  for (const auto& slots : layer.slots_of) {
    map.emplace_back();
    for (const SlotId slot : slots) map.back().push_back(slot.value);
    map.back().resize(width, -1);
  }
  return map;
}

TEST(EplbPlacement, GivesTheMapPrintedInItsReadme) {
  const Placement placement = eplb({{90, 132, 40, 61, 104, 165, 39, 4, 73, 56, 183, 86},
                                    {20, 107, 104, 64, 19, 197, 187, 157, 172, 86, 16, 27}},
                                   {.slots = 16, .groups = 4, .nodes = 2, .gpus = 8});
  EXPECT_EQ(experts_of(placement.layers[LayerId(0)]),
            (std::vector<int>{5, 6, 5, 7, 8, 4, 3, 4, 10, 9, 10, 2, 0, 1, 11, 1}));
  EXPECT_EQ(experts_of(placement.layers[LayerId(1)]),
            (std::vector<int>{7, 10, 6, 8, 6, 11, 8, 9, 2, 4, 5, 1, 5, 0, 3, 1}));
}

// Six slots: 5/2 = 2.5 each for expert 3 and 3/2 = 1.5 for expert 0; one pack takes them by weight.
TEST(EplbPlacement, ReplicatesTheHeaviestShareAndOrdersASingleGpuByWeight) {
  const Placement placement = eplb({{3, 1, 2, 5}}, {.slots = 6});
  const LayerPlacement& layer = placement.layers[LayerId(0)];
  EXPECT_EQ(experts_of(layer), (std::vector<int>{3, 3, 2, 0, 0, 1}));
  EXPECT_EQ(slots_of(layer, 2), (Map{{3, 4}, {5, -1}, {2, -1}, {0, 1}}));
}

// Heaviest first: 9→g0, 8→g1, 7→g2, 5→g3, then 4→g3 (5), 3→g2 (7), 2→g1 (8), 1→g0 (9).
TEST(EplbPlacement, PacksWithoutRedundancyAsLongestProcessingTime) {
  const Placement placement = eplb({{5, 1, 4, 2, 3, 9, 7, 8}}, {.slots = 8, .gpus = 4});
  EXPECT_EQ(experts_of(placement.layers[LayerId(0)]), (std::vector<int>{5, 1, 7, 3, 6, 4, 0, 2}));
}

TEST(EplbPlacement, IsTheIdentityWithOneSlotPerGpu) {
  const Placement placement = eplb({{4, 9, 1, 7}}, {.slots = 4, .gpus = 4});
  EXPECT_EQ(experts_of(placement.layers[LayerId(0)]), (std::vector<int>{0, 1, 2, 3}));
}

TEST(EplbPlacement, GivesAllRedundantSlotsToTheFirstExpertWithoutLoadUnlessToldOtherwise) {
  const std::vector<std::vector<double>> zeros{{0, 0, 0, 0}};
  const Sizes sizes{.slots = 8, .gpus = 1};
  EXPECT_EQ(eplb(zeros, sizes).layers[LayerId(0)].slots_of[ExpertId(0)].size(), 5);
  EXPECT_EQ(experts_of(eplb(zeros, sizes, ", zero_load: trivial").layers[LayerId(0)]),
            (std::vector<int>{0, 1, 2, 3, 0, 1, 2, 3}));
}

// Shares 5 and 5 of expert 0, 9 of expert 1, 1 of expert 2. The 9 goes to GPU 0, the first 5 to
// GPU 1, and so does the second 5, unless copies are kept apart.
TEST(EplbPlacement, KeepsCopiesOnDistinctGpusWhenAsked) {
  const Sizes sizes{.slots = 4, .gpus = 2};
  EXPECT_EQ(experts_of(eplb({{10, 9, 1}}, sizes).layers[LayerId(0)]),
            (std::vector<int>{1, 2, 0, 0}));
  EXPECT_EQ(experts_of(eplb({{10, 9, 1}}, sizes, ", distinct_gpus: true").layers[LayerId(0)]),
            (std::vector<int>{1, 0, 0, 2}));
}

// 2^24 and 2^24 + 1 are the same in single precision.
TEST(EplbPlacement, TellsLoadsApartInDoubleThatAreEqualInSingle) {
  const std::vector<std::vector<double>> load{{16777216, 16777217}};
  EXPECT_EQ(eplb(load, {.slots = 3}).layers[LayerId(0)].slots_of[ExpertId(0)].size(), 2u);
  EXPECT_EQ(
      eplb(load, {.slots = 3}, ", precision: f64").layers[LayerId(0)].slots_of[ExpertId(1)].size(),
      2u);
}

// By load, GPU 0 has 1 and 0, GPU 1 has 3 and 2: the experts of the present map, in other slots.
TEST(EplbPlacement, LeavesExpertsThatStayInTheirSlotsWhenAsked) {
  ExpertLoad load(1, 6);
  load.raw() = {1, 9, 2, 8, 0, 0};
  PlacementRequest request{.load = load, .gpus = 2};
  const LayerPlacement fresh = plugin<PlacementPolicy>("eplb")->place(request).layers[LayerId(0)];
  ASSERT_EQ(experts_of(fresh), (std::vector<int>{1, 0, 4, 3, 2, 5}));
  Placement present;
  present.layers.raw() = {fresh};
  for (const int slot : {0, 1, 2, 3, 4, 5})
    present.layers[LayerId(0)].expert_of[SlotId(slot)] =
        ExpertId(std::vector<int>{0, 1, 5, 2, 4, 3}[static_cast<std::size_t>(slot)]);
  request.present = &present;
  const LayerPlacement kept =
      plugin<PlacementPolicy>("{kind: eplb, keep_slots: true}")->place(request).layers[LayerId(0)];
  // 4 takes the slot that 5 leaves, and 5 the one of 4.
  EXPECT_EQ(experts_of(kept), (std::vector<int>{0, 1, 4, 2, 5, 3}));
  for (const ExpertId expert : kept.slots_of.ids())
    EXPECT_EQ(kept.expert_of[kept.slots_of[expert].front()], expert);
}

TEST(EplbPlacement, SaysWhichRedundancyWouldFit) {
  try {
    eplb({{1, 2, 3, 4, 5, 6}}, {.slots = 7, .gpus = 4});
    FAIL() << "7 slots do not divide over 4 GPUs";
  } catch (const InputError& error) {
    EXPECT_EQ(error.mistakes().front().message,
              "EPLB needs the same number of slots on every GPU: 6 experts + 1 redundant do not "
              "divide over 4 GPUs");
    EXPECT_EQ(error.mistakes().front().hint, "redundant: 2 would");
  }
}

TEST(EplbPlacement, MatchesEveryGoldenCaseExactly) {
  MOESIM_NEEDS_SHARED(path, "eplb_golden.json");
  const auto golden = nlohmann::json::parse(std::ifstream(path));
  for (const auto& test_case : golden["cases"]) {
    SCOPED_TRACE(test_case["name"].get<std::string>());
    const auto weight = test_case["weight"].get<std::vector<std::vector<double>>>();
    const Placement placement = eplb(weight, {.slots = test_case["num_replicas"],
                                              .groups = test_case["num_groups"],
                                              .nodes = test_case["num_nodes"],
                                              .gpus = test_case["num_gpus"]});
    const auto& expected = test_case["expected"];
    for (const LayerId id : placement.layers.ids()) {
      const LayerPlacement& layer = placement.layers[id];
      const auto& log2phy = expected["log2phy"][id.index()];
      EXPECT_EQ(experts_of(layer), expected["phy2log"][id.index()].get<std::vector<int>>());
      EXPECT_EQ(slots_of(layer, log2phy[0].size()), log2phy.get<Map>());
      const auto load = predicted_gpu_load(layer, weight[id.index()]);
      const auto wanted = expected["gpu_load"][id.index()].get<std::vector<double>>();
      for (const GpuId gpu : load.ids())
        EXPECT_NEAR(load[gpu], wanted[gpu.index()], 1e-6 * (1 + wanted[gpu.index()]));
    }
  }
}

}  // namespace
}  // namespace moesim
