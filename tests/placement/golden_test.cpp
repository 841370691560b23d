// data/placement_golden.json, and who holds the program against each of its cases.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "tests/support/placements.hpp"
#include "tests/support/shared_data.hpp"

namespace moesim {
namespace {

using nlohmann::json;

void expect_loads(const LayerPlacement& map, const std::vector<double>& load,
                  const json& expected) {
  const auto found = gpu_load(map, load);
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t gpu = 0; gpu < found.size(); ++gpu)
    EXPECT_NEAR(found[gpu], expected[gpu].get<double>(), 1e-6 * (1 + found[gpu]));
}

void check_trtllm(const json& in, const json& expected) {
  const auto weight = in["weight"].get<std::vector<double>>();
  const int gpus = in["ep_size"], slots = in["slots_per_rank"].get<int>() * gpus;
  const auto redundant = std::to_string(slots - static_cast<int>(weight.size()));
  const LayerPlacement map = placed("{kind: trtllm, redundant: " + redundant + "}",
                                    {.load = load_of({weight}), .gpus = gpus});
  EXPECT_EQ(experts_of(map), expected["slot_to_expert"].get<std::vector<int>>());
  for (const ExpertId expert : map.slots_of.ids())
    EXPECT_EQ(map.slots_of[expert].size(),
              expected["replica_count"][expert.index()].get<std::size_t>());
  expect_loads(map, weight, expected["gpu_load"]);
}

void check_deepseek_vec(const json& in, const json& expected) {
  std::vector<ExpertLoad> steps;
  for (const json& step : in["tokens_per_expert_steps"])
    steps.push_back(load_of({step.get<std::vector<double>>()}));
  const ExpertLoad load = sum_of(steps);
  const int redundant = in["num_physical"].get<int>() - static_cast<int>(load.columns());
  const std::string policy = in["hierarchical"].get<bool>() ? "auto" : "global";
  const LayerPlacement map = placed(
      "{kind: deepseek_vec, redundant: " + std::to_string(redundant) + ", policy: " + policy + "}",
      {.load = load,
       .gpus = in["num_gpus"],
       .nodes = in["num_nodes"],
       .groups = in["num_groups"],
       .detail = {.steps = steps}});
  EXPECT_EQ(experts_of(map), expected["phy2log"].get<std::vector<int>>());
  for (const ExpertId expert : map.slots_of.ids()) {
    std::vector<int> slots;
    for (const SlotId slot : map.slots_of[expert]) slots.push_back(slot.value);
    EXPECT_EQ(expected["logcnt"][expert.index()].get<std::size_t>(), slots.size());
    slots.resize(expected["log2phy"][expert.index()].size(), -1);
    EXPECT_EQ(slots, expected["log2phy"][expert.index()].get<std::vector<int>>());
  }
  expect_loads(map, {load.raw().begin(), load.raw().end()}, expected["gpu_load"]);
}

TEST(PlacementGolden, EveryCaseIsHeldAgainstTheProgramByOneTest) {
  MOESIM_NEEDS_SHARED(path, "placement_golden.json");
  const std::map<std::string, std::string> others{
      {"static_nearest_replica", "StaticReplica (tests/replica)"},
      {"sglang_migration_plan", "PlanMigration (tests/rebalance)"},
      {"sglang_tbo_prefill_split", "PrefillSplit (tests/overlap)"}};
  const json golden = json::parse(std::ifstream(path));
  int here = 0;
  std::map<std::string, int> elsewhere;
  for (const json& test_case : golden["cases"]) {
    SCOPED_TRACE(test_case["name"].get<std::string>());
    const std::string algorithm = test_case["algorithm"];
    if (others.contains(algorithm)) {
      ++elsewhere[algorithm];
      continue;
    }
    ++here;
    if (algorithm == "trtllm") {
      check_trtllm(test_case["inputs"], test_case["expected"]);
    } else if (algorithm == "sglang_deepseek_vec") {
      check_deepseek_vec(test_case["inputs"], test_case["expected"]);
    } else {
      ADD_FAILURE() << "nobody covers the algorithm " << algorithm;
    }
  }
  EXPECT_EQ(here, 18);
  EXPECT_EQ(elsewhere, (std::map<std::string, int>{{"static_nearest_replica", 4},
                                                   {"sglang_migration_plan", 5},
                                                   {"sglang_tbo_prefill_split", 7}}));
}

}  // namespace
}  // namespace moesim
