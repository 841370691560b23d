#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "tests/support/replicas.hpp"
#include "tests/support/shared_data.hpp"

namespace moesim {
namespace {

// Expert 0 in slots 0 and 2, expert 1 in slot 1, expert 2 in slot 3.
TEST(RoundRobinFlatReplica, TakesCopiesInTurnOverTheRoutesOfEachSource) {
  const Cluster cluster = cluster_of(1, 2);
  const Routing routing = routing_of({{{0, 1}, {2, 0}}, {{1, 0}}}, 3);
  const Assignment assignment =
      assign("round_robin_flat", routing, placement_of({0, 1, 0, 2}, 2), cluster);
  // Routes 0 and 3 of GPU 0, and route 1 of GPU 1, ask for expert 0: copies 0, 1 and 1.
  EXPECT_EQ(slots_of(assignment), (std::vector<int>{0, 1, 3, 2, 1, 2}));
  EXPECT_EQ(assignment.routes.raw(), (std::vector<int>{1, 1, 1, 1, 0, 1, 1, 0}));
}

// 2654435769 is odd; modulo 2^32 it is 2654435769 (odd), 1013904242 (even), 3668340011 (odd) for
// tokens 1, 2 and 3.
TEST(HashReplica, TakesTheCopyByTheTokensHash) {
  const Cluster cluster = cluster_of(1, 2);
  const Routing routing = routing_of({{{0}, {0}, {0}, {0}}, {}}, 3);
  EXPECT_EQ(slots_of(assign("hash", routing, placement_of({0, 1, 0, 2}, 2), cluster)),
            (std::vector<int>{0, 2, 0, 2}));
}

TEST(RandomReplica, SplitsEvenlyAndDrawsTheSameForTheSameRoute) {
  const Cluster cluster = cluster_of(1, 2);
  const Routing routing = routing_of({std::vector<std::vector<int>>(4000, {0, 1}), {{0, 1}}}, 3);
  const LayerPlacement three = placement_of({0, 0, 0, 1, 2, 2}, 2);
  const Assignment assignment = assign("random", routing, three, cluster);
  // 4000 draws of 1/3: within four standard deviations of 30.
  for (const int slot : {0, 1, 2})
    EXPECT_NEAR(assignment.routes(GpuId(0), SlotId(slot)), 4000 / 3.0, 120);
  EXPECT_EQ(assignment.slots, assign("random", routing, three, cluster).slots);
  EXPECT_NE(assignment.slots, assign("random", routing, three, cluster, 1).slots);
  // That expert 1 has a copy here does not move the draws of expert 0.
  const Assignment other = assign("random", routing, placement_of({0, 0, 0, 1, 1, 2}, 2), cluster);
  for (std::size_t at = 0; at < assignment.slots.size(); at += 2)
    ASSERT_EQ(assignment.slots[at], other.slots[at]);
  const Assignment counted = assign("random", counts_only(routing), three, cluster);
  for (const int slot : {0, 1, 2})
    EXPECT_NEAR(counted.routes(GpuId(0), SlotId(slot)), 4000 / 3.0, 120);
}

TEST(StaticReplica, PrefersTheOwnGpuThenTheNode) {
  const Cluster cluster = cluster_of(2, 2);
  // Expert 0 on GPUs 0, 1 and 2; expert 1 on GPU 3.
  const LayerPlacement placement = placement_of({0, 0, 0, 1}, 4);
  const Routing routing = routing_of({{{0}}, {{0}}, {{0}}, {{0}}}, 2);
  EXPECT_EQ(slots_of(assign("static", routing, placement, cluster)),
            (std::vector<int>{0, 1, 2, 2}));
}

// Expert 0 has two copies on node 0. The other nodes' six GPUs are dealt three each.
TEST(StaticReplica, DealsTheRestFairlyAndKeepsTheDealOverSteps) {
  const Cluster cluster = cluster_of(4, 2);
  const LayerPlacement placement = placement_of({0, 0, 1, 2, 3, 4, 5, 6}, 8);
  const Routing routing = routing_of({{{0}}, {{0}}, {{0}}, {{0}}, {{0}}, {{0}}, {{0}}, {{0}}}, 7);
  const auto slots = slots_of(assign("static", routing, placement, cluster));
  EXPECT_EQ(std::count(slots.begin(), slots.end(), 0), 4);
  EXPECT_EQ(std::count(slots.begin(), slots.end(), 1), 4);
  EXPECT_EQ(slots, slots_of(assign("static", routing, placement, cluster, 7)));
  bool differs = false;
  for (std::uint64_t seed = 2; seed < 8; ++seed)
    differs = differs || slots != slots_of(assign("static", routing, placement, cluster, 0, seed));
  EXPECT_TRUE(differs);
}

LayerPlacement golden_placement(const nlohmann::json& inputs) {
  const auto log2phy = inputs["log2phy"].get<std::vector<std::vector<int>>>();
  const int slots = inputs["num_physical"];
  IdVector<SlotId, ExpertId> expert_of(slots);
  for (std::size_t e = 0; e < log2phy.size(); ++e)
    for (const int slot : log2phy[e])
      if (slot >= 0) expert_of[SlotId(slot)] = ExpertId(e);
  LayerPlacement placement =
      make_layer_placement(even_first_slots(slots, inputs["num_gpus"]), std::move(expert_of),
                           static_cast<int>(log2phy.size()));
  for (std::size_t e = 0; e < log2phy.size(); ++e) {
    auto& copies = placement.slots_of[ExpertId(e)];
    copies.clear();
    for (const int slot : log2phy[e])
      if (slot >= 0) copies.emplace_back(slot);
  }
  return placement;
}

// The slot that each GPU uses for an expert, when every GPU sends it one route.
std::vector<int> chosen_slots(const Assignment& assignment, const std::vector<SlotId>& copies) {
  std::vector<int> chosen;
  for (const GpuId gpu : assignment.routes.row_ids())
    for (const SlotId slot : copies)
      if (assignment.routes(gpu, slot) == 1) chosen.push_back(slot.value);
  return chosen;
}

// `nearest` by GPU, −1 where no copy is on the node: there the deal must be fair.
void expect_nearest(const std::vector<int>& chosen, const std::vector<int>& nearest, int copies) {
  ASSERT_EQ(chosen.size(), nearest.size());
  std::map<int, int> dealt;  // GPUs without a near copy, by slot
  for (std::size_t gpu = 0; gpu < chosen.size(); ++gpu) {
    if (nearest[gpu] < 0) {
      ++dealt[chosen[gpu]];
    } else {
      EXPECT_EQ(chosen[gpu], nearest[gpu]);
    }
  }
  const int remaining = static_cast<int>(std::count(nearest.begin(), nearest.end(), -1));
  for (const auto& [slot, times] : dealt) {
    EXPECT_GE(times, remaining / copies);
    EXPECT_LE(times, (remaining + copies - 1) / copies);
  }
}

TEST(StaticReplica, FindsTheGoldenNearestCopies) {
  MOESIM_NEEDS_SHARED(path, "placement_golden.json");
  const auto golden = nlohmann::json::parse(std::ifstream(path));
  int cases = 0;
  for (const auto& test_case : golden["cases"]) {
    if (test_case["algorithm"] != "static_nearest_replica") continue;
    SCOPED_TRACE(test_case["name"].get<std::string>());
    ++cases;
    const LayerPlacement placement = golden_placement(test_case["inputs"]);
    const int gpus = placement.gpus(), nodes = test_case["inputs"]["num_nodes"];
    const Routing routing{.top_k = 1,
                          .first_token = first_tokens(std::vector<int>(
                              static_cast<std::size_t>(gpus), placement.experts())),
                          .counts = ExpertCounts(gpus, placement.experts(), 1)};
    const Assignment assignment =
        assign("static", routing, placement, cluster_of(nodes, gpus / nodes));
    const auto& nearest = test_case["expected"]["nearest_by_expert_then_gpu"];
    for (const ExpertId expert : placement.slots_of.ids()) {
      const auto& copies = placement.slots_of[expert];
      expect_nearest(chosen_slots(assignment, copies), nearest[expert.index()],
                     static_cast<int>(copies.size()));
    }
  }
  EXPECT_GE(cases, 4);
}

// Three routes to expert 1 load GPU 0 before the four routes of expert 0 are dealt: GPU 1 takes
// three of them (0 → 3), then both are even and the source's own copy takes the last.
TEST(LeastLoadedReplica, DealsToTheGpuWithTheFewestRoutes) {
  const Cluster cluster = cluster_of(1, 2);
  const LayerPlacement placement = placement_of({1, 0, 0, 2}, 2);
  const Routing routing = routing_of({{{0}, {1}, {0}, {1}, {0}, {1}, {0}}, {}}, 3);
  EXPECT_EQ(slots_of(assign("least_loaded", routing, placement, cluster)),
            (std::vector<int>{2, 0, 2, 0, 2, 0, 1}));
  EXPECT_EQ(
      assign("least_loaded", counts_only(routing), placement, cluster).routes.row(GpuId(0))[2], 3);
}

TEST(LeastLoadedReplica, PrefersTheNearestOfEquallyLoadedGpus) {
  const Cluster cluster = cluster_of(2, 2);
  const LayerPlacement placement = placement_of({0, 1, 0, 2}, 4);
  const Routing routing = routing_of({{}, {}, {}, {{0}}}, 3);
  EXPECT_EQ(slots_of(assign("least_loaded", routing, placement, cluster)), (std::vector<int>{2}));
}

// For every policy: the routes of a source to an expert all go to copies of that expert, and the
// split of counts is as close to the split of ids as the rule is even.
TEST(EveryReplica, SendsEveryRouteToACopyOfItsExpert) {
  const Cluster cluster = cluster_of(2, 4);
  const LayerPlacement placement =
      placement_of({0, 1, 2, 3, 4, 5, 6, 7, 0, 0, 1, 2, 0, 3, 1, 0}, 8);
  Rng rng(9, Purpose::kRouting);
  std::vector<std::vector<std::vector<int>>> ids(8);
  for (auto& tokens : ids) {
    for (int token = 0; token < 100; ++token) {
      std::vector<int> experts{0, 1, 2, 3, 4, 5, 6, 7};
      for (std::size_t i = 0; i < 3; ++i)
        std::swap(experts[i],
                  experts[i + static_cast<std::size_t>(rng.below(8 - static_cast<int>(i)))]);
      experts.resize(3);
      if (rng.below(10) == 0) experts[static_cast<std::size_t>(rng.below(3))] = -1;
      tokens.push_back(experts);
    }
  }
  const Routing routing = routing_of(ids, 8);
  for (const char* kind :
       {"round_robin_flat", "hash", "random", "static", "least_loaded", "all_to_first",
        "occurrence_rr", "locality_random", "power_of_two", "weighted_rr", "lp", "flow"}) {
    SCOPED_TRACE(kind);
    for (const Routing& form : {routing, counts_only(routing)}) {
      const Assignment assignment = assign(kind, form, placement, cluster);
      ExpertCounts sums(8, 8);
      for (const GpuId source : sums.row_ids())
        for (const SlotId slot : placement.expert_of.ids())
          sums(source, placement.expert_of[slot]) += assignment.routes(source, slot);
      EXPECT_EQ(sums, routing.counts);
      for (std::size_t at = 0; at < form.ids.size(); ++at) {
        const int slot = assignment.slots[at];
        ASSERT_EQ(slot < 0 ? -1 : placement.expert_of[SlotId(slot)].value, form.ids[at]);
      }
    }
    const auto load = [&](const Routing& form) {
      const Assignment assignment = assign(kind, form, placement, cluster);
      std::vector<int> gpus(8);
      for (const GpuId source : assignment.routes.row_ids())
        for (const SlotId slot : placement.expert_of.ids())
          gpus[placement.gpu_of(slot).index()] += assignment.routes(source, slot);
      return gpus;
    };
    const auto exact = load(routing), counted = load(counts_only(routing));
    for (std::size_t gpu = 0; gpu < 8; ++gpu) EXPECT_NEAR(counted[gpu], exact[gpu], 40);
  }
}

}  // namespace
}  // namespace moesim
