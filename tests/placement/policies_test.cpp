// The placements but EPLB, and what holds for all of them.
#include <gtest/gtest.h>

#include <algorithm>

#include "sim/model/imbalance.hpp"
#include "sim/placement/placement_policy.hpp"
#include "tests/support/placements.hpp"
#include "tests/support/plugin.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

ExpertLoad lognormal_load(int layers, int experts) {
  ExpertLoad load(layers, experts);
  Rng rng(5, Purpose::kPopularity);
  for (double& value : load.raw()) value = std::floor(1000 * std::exp(rng.normal()));
  return load;
}

std::vector<std::vector<int>> place(const std::string& section, const PlacementRequest& request) {
  return by_gpu(plugin<PlacementPolicy>(section)->place(request).layers[LayerId(0)]);
}

using Gpus = std::vector<std::vector<int>>;

TEST(LinearPlacement, GivesTheFirstGpusOneMoreWhereExpertsDoNotDivide) {
  EXPECT_EQ(place("linear", {.load = ExpertLoad(1, 7), .gpus = 3}),
            (Gpus{{0, 1, 2}, {3, 4}, {5, 6}}));
  EXPECT_EQ(place("{kind: linear, redundant: 2}", {.load = ExpertLoad(1, 4), .gpus = 2}),
            (Gpus{{0, 1, 2}, {3, 0, 1}}));
}

// 4 e div 10: the GPUs with three experts are the first and the third.
TEST(OwnerFloorPlacement, SpreadsTheGpusWithOneMore) {
  EXPECT_EQ(place("owner_floor", {.load = ExpertLoad(1, 10), .gpus = 4}),
            (Gpus{{0, 1, 2}, {3, 4}, {5, 6, 7}, {8, 9}}));
  EXPECT_EQ(place("linear", {.load = ExpertLoad(1, 10), .gpus = 4}),
            (Gpus{{0, 1, 2}, {3, 4, 5}, {6, 7}, {8, 9}}));
}

TEST(RoundRobinPlacement, DealsExpertsOneByOne) {
  EXPECT_EQ(place("round_robin", {.load = ExpertLoad(1, 7), .gpus = 3}),
            (Gpus{{0, 3, 6}, {1, 4}, {2, 5}}));
}

// 8 → GPU 0, 7 → 1, 6 → 1's sum is 7 < 8, so 6 → GPU 1 (13), 5 → GPU 0 (13), 4 → GPU 0 (17).
TEST(LptPlacement, TakesTheHeaviestFirstToTheLightestGpu) {
  ExpertLoad load(1, 5);
  load.raw() = {4, 8, 7, 5, 6};
  EXPECT_EQ(place("lpt", {.load = load, .gpus = 2}), (Gpus{{1, 3, 0}, {2, 4}}));
}

TEST(LptPlacement, StaysWithinGrahamsBoundWhereSlotsDoNotBind) {
  // 64 jobs on 4 GPUs of 16 slots. The best map is no better than the mean load.
  const ExpertLoad load = lognormal_load(20, 64);
  const Placement placement = plugin<PlacementPolicy>("lpt")->place({.load = load, .gpus = 4});
  for (const LayerId layer : placement.layers.ids()) {
    const auto row = load.row(layer);
    const auto gpu_load = predicted_gpu_load(placement.layers[layer], row).raw();
    const double best = std::max(mean(gpu_load), maximum(row));
    EXPECT_LE(maximum(gpu_load), (4.0 / 3) * best);
  }
}

TEST(RandomPlacement, IsAPermutationThatTheSeedAndTheLayerDecide) {
  const auto policy = plugin<PlacementPolicy>("{kind: random, redundant: 2}");
  const auto placed = [&](std::uint64_t seed) {
    return policy->place({.load = ExpertLoad(2, 30), .gpus = 4, .random = Random(seed)});
  };
  const Placement one = placed(1), again = placed(1), other = placed(2);
  EXPECT_EQ(one.layers[LayerId(0)].expert_of, again.layers[LayerId(0)].expert_of);
  EXPECT_NE(one.layers[LayerId(0)].expert_of, other.layers[LayerId(0)].expert_of);
  EXPECT_NE(one.layers[LayerId(0)].expert_of, one.layers[LayerId(1)].expert_of);
  EXPECT_EQ(one.layers[LayerId(0)].slots_of[ExpertId(1)].size(), 2);
  EXPECT_EQ(one.layers[LayerId(0)].slots_of[ExpertId(2)].size(), 1);
}

// All that make five slots on each of 16 GPUs for 64 experts and 16 copies.
constexpr const char* kReplicating[] = {
    "linear",       "round_robin",    "random",       "lpt",
    "eplb",         "trtllm",         "deepseek_vec", "topology_aware",
    "local_search", "swift_balancer", "flashlb",      "elasticity_aware",
    "hetero_lpt",   "expert_grouping"};

// With everything that any of them wants to know.
PlacementRequest well_known_request(const ExpertLoad& load) {
  PlacementRequest request{.load = load, .gpus = 16, .nodes = 2, .groups = 8};
  request.detail.steps = {load, load};
  for (const LayerId layer : load.row_ids()) {
    SourceLoad& sources =
        request.detail.sources.raw().emplace_back(std::size_t{16}, load.columns());
    for (const GpuId gpu : sources.row_ids())
      for (const ExpertId expert : sources.column_ids())
        sources(gpu, expert) = load(layer, expert) * ((gpu.value + expert.value) % 16) / 120;
  }
  request.distance = hop_distance(16, 2);
  request.speed = IdVector<GpuId, double>(16, 1.0);
  return request;
}

TEST(EveryPlacement, DoesNotChangeWhenAllLoadsAreDoubled) {
  const ExpertLoad load = lognormal_load(2, 64);
  ExpertLoad twice = load;
  for (double& value : twice.raw()) value *= 2;
  for (const char* kind : kReplicating) {
    // Its slope over the experts has a size of its own.
    if (std::string(kind) == "deepseek_vec") continue;
    SCOPED_TRACE(kind);
    const auto policy = plugin<PlacementPolicy>(std::string("{kind: ") + kind + ", redundant: 16}");
    const Placement before = policy->place(well_known_request(load));
    const Placement after = policy->place(well_known_request(twice));
    for (const LayerId layer : before.layers.ids())
      EXPECT_EQ(before.layers[layer].expert_of, after.layers[layer].expert_of);
  }
}

// policies.md section 9, item 5, for every placement that makes its own map.
TEST(EveryPlacement, SharesTheWholeLoadAndStaysAboveTheLowerBound) {
  const ExpertLoad load = lognormal_load(4, 64);
  const PlacementRequest request = well_known_request(load);
  for (const char* kind : kReplicating) {
    SCOPED_TRACE(kind);
    const Placement placement =
        plugin<PlacementPolicy>(std::string("{kind: ") + kind + ", redundant: 16}")->place(request);
    for (const LayerId id : placement.layers.ids()) {
      const LayerPlacement& layer = placement.layers[id];
      const auto row = load.row(id);
      const auto gpu_load = predicted_gpu_load(layer, row).raw();
      double sum = 0, copy = 0;
      for (const double value : row) sum += value;
      for (const ExpertId expert : layer.slots_of.ids())
        copy = std::max(copy,
                        row[expert.index()] / static_cast<double>(layer.slots_of[expert].size()));
      EXPECT_NEAR(mean(gpu_load) * 16, sum, 1e-6 * sum);
      EXPECT_GE(maximum(gpu_load) * (1 + 1e-12), std::max(mean(gpu_load), copy));
      for (int gpu = 0; gpu < 16; ++gpu)
        EXPECT_EQ(layer.first_slot[static_cast<std::size_t>(gpu)], 5 * gpu);
    }
  }
}

TEST(EplbPlacement, KeepsAllCopiesOfAnExpertOnOneNodeInTheHierarchicalPolicy) {
  const Placement placement =
      plugin<PlacementPolicy>("{kind: eplb, redundant: 16}")
          ->place({.load = lognormal_load(4, 64), .gpus = 16, .nodes = 2, .groups = 8});
  for (const LayerPlacement& layer : placement.layers)
    for (const auto& slots : layer.slots_of)
      for (const SlotId slot : slots)
        EXPECT_EQ(layer.gpu_of(slot).value / 8, layer.gpu_of(slots.front()).value / 8);
}

TEST(EplbPlacement, DoesNotChangeWhenAllLoadsAreDoubled) {
  ExpertLoad load = lognormal_load(2, 64);
  const auto policy = plugin<PlacementPolicy>("{kind: eplb, redundant: 16}");
  const Placement before = policy->place({.load = load, .gpus = 16});
  for (double& value : load.raw()) value *= 4;
  const Placement after = policy->place({.load = load, .gpus = 16});
  for (const LayerId layer : before.layers.ids())
    EXPECT_EQ(before.layers[layer].expert_of, after.layers[layer].expert_of);
}

class FilePlacement : public ::testing::Test {
 protected:
  std::string write(const std::string& text) const {
    write_file(folder_ / "map.json", text);
    return "path: " + (folder_ / "map.json").string();
  }
  Gpus read(const std::string& text, const std::string& more = "") const {
    return place("{kind: file, " + write(text) + more + "}", {.load = ExpertLoad(1, 4), .gpus = 2});
  }
  std::string mistake(const std::string& text, const std::string& more = "") const {
    try {
      read(text, more);
    } catch (const InputError& error) {
      return error.mistakes().front().message;
    }
    return "no mistake";
  }
  const TemporaryDirectory folder_;
};

TEST_F(FilePlacement, ReadsTheMapsOfServers) {
  const Gpus expected{{3, 0, 3}, {1, 2, 0}};
  EXPECT_EQ(read(R"({"phy2log": [[3, 0, 3, 1, 2, 0]]})"), expected);
  EXPECT_EQ(read(R"({"physical_to_logical_map": [[3, 0, 3, 1, 2, 0]]})"), expected);
  EXPECT_EQ(read("num_slots: 6\ninitial_global_assignments:\n  3: [3, 0, 3, 1, 2, 0]\n"), expected);
  EXPECT_EQ(read(R"({"version": 2, "model_maps": {
                     "a": {"physical_to_logical_map": [[0, 1, 2, 3]]},
                     "b": {"physical_to_logical_map": [[3, 0, 3, 1, 2, 0]]}}})",
                 ", model: b"),
            expected);
  // Devices come in the order of their ids, and may hold different numbers of slots.
  EXPECT_EQ(read(R"({"moe_layer_count": 1, "layer_list": [{"layer_id": 0, "device_count": 2,
                     "device_list": [{"device_id": 1, "device_expert": [2, 0]},
                                     {"device_id": 0, "device_expert": [3, 1, 3]}]}]})"),
            (Gpus{{3, 1, 3}, {2, 0}}));
}

TEST_F(FilePlacement, SkipsTheRowsOfDenseLayers) {
  EXPECT_EQ(read(R"({"phy2log": [[0, 1, 2, 3], [3, 2, 1, 0]]})", ", skip_layers: 1"),
            (Gpus{{3, 2}, {1, 0}}));
}

TEST_F(FilePlacement, NamesWhatDoesNotFit) {
  EXPECT_EQ(mistake(R"({"phy2log": [[0, 1, 2, 3], [3, 2, 1, 0]]})"),
            "the map has 2 layers, and 1 MoE layers are to be placed");
  EXPECT_EQ(mistake(R"({"phy2log": [[0, 1, 2, 2]]})"), "expert 3 has no slot");
  EXPECT_EQ(mistake(R"({"phy2log": [[0, 1, 2, 4]]})"), "expert 4 does not exist: the model has 4");
  EXPECT_EQ(mistake(R"({"phy2log": [[0, 1, 2, -3]]})"), "'-3' is not an expert id");
  EXPECT_EQ(mistake(R"({"phy2log": [[0, 1, 2, 3]]})", ", redundant: 2"),
            "4 slots are not 4 experts + 2 redundant ones");
  EXPECT_EQ(mistake(R"({"map": [[0, 1, 2, 3]]})"), "this is not a placement map");
  EXPECT_EQ(mistake(R"({"model_maps": {"a": {}, "b": {}}})"),
            "the file has maps of several models: name one with 'model'");
}

}  // namespace
}  // namespace moesim
