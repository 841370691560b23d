// The best split of a batch over copies: as a linear program, and as a flow.
#include <gtest/gtest.h>

#include <numeric>

#include "sim/replica/copy_balance.hpp"
#include "tests/support/replicas.hpp"

namespace moesim {
namespace {

// GPU 0: experts 0, 1. GPU 1: experts 1, 2. GPU 2: experts 2, 3. Routes 2, 6, 5, 1.
// The mean is 14 / 3. Nobody is confined to few GPUs more tightly: {0} has expert 0's 2 alone,
// {0, 1} 2 + 6 = 8 on two, {1, 2} 5 + 1 = 6 on two. So all reach 14 / 3, and 5 in whole routes.
struct Chain {
  LayerPlacement placement = placement_of({0, 1, 1, 2, 2, 3}, 3);
  RouteCount routes{std::vector<std::int64_t>{2, 6, 5, 1}};
};

template <class Split>
IdVector<GpuId, double> load_of(const Split& split, const LayerPlacement& placement) {
  IdVector<GpuId, double> load(placement.gpus());
  for (const SlotId slot : placement.expert_of.ids())
    load[placement.gpu_of(slot)] += static_cast<double>(split.routes[slot]);
  return load;
}

TEST(CopySplit, LevelsAChainOfCopies) {
  const Chain chain;
  const FractionalSplit program = split_by_program(chain.routes, chain.placement);
  EXPECT_NEAR(program.most, 14.0 / 3, 1e-9);
  for (const double load : load_of(program, chain.placement)) EXPECT_NEAR(load, 14.0 / 3, 1e-9);
  EXPECT_NEAR(program.routes[SlotId(1)], 14.0 / 3 - 2, 1e-9);  // expert 1 tops GPU 0 up
  const WholeSplit flow = split_by_flow(chain.routes, chain.placement);
  EXPECT_DOUBLE_EQ(flow.bound, 14.0 / 3);
  EXPECT_EQ(flow.most, 5);
  for (const double load : load_of(flow, chain.placement)) EXPECT_LE(load, 5);
}

// Expert 0's 20 routes and expert 1's 7 can only go to GPUs 0 and 1: 13.5 each, 14 in whole routes,
// although the mean over the three is 10.
TEST(CopySplit, IsBoundByGpusThatShareTheirExpertsWithNobodyElse) {
  const LayerPlacement placement = placement_of({0, 1, 0, 1, 2, 3}, 3);
  const RouteCount routes{std::vector<std::int64_t>{20, 7, 2, 1}};
  EXPECT_NEAR(split_by_program(routes, placement).most, 13.5, 1e-9);
  const WholeSplit flow = split_by_flow(routes, placement);
  EXPECT_DOUBLE_EQ(flow.bound, 13.5);
  EXPECT_EQ(flow.most, 14);
}

// policies.md section 9, item 6.
TEST(CopySplit, IsTheSameByProgramAndByFlowOnRandomCases) {
  Rng rng(11, Purpose::kPlacement);
  for (int trial = 0; trial < 60; ++trial) {
    const int gpus = 2 + rng.below(7), slots = 1 + rng.below(4);
    const int experts = 1 + rng.below(gpus * slots);
    std::vector<int> expert_of(static_cast<std::size_t>(gpus * slots));
    for (std::size_t p = 0; p < expert_of.size(); ++p)
      expert_of[p] = static_cast<int>(p) < experts ? static_cast<int>(p) : rng.below(experts);
    for (std::size_t p = expert_of.size(); p > 1; --p)
      std::swap(expert_of[p - 1],
                expert_of[static_cast<std::size_t>(rng.below(static_cast<int>(p)))]);
    const LayerPlacement placement = placement_of(expert_of, gpus);
    RouteCount routes(experts);
    for (std::int64_t& count : routes)
      count = static_cast<std::int64_t>(20 * std::exp(2 * rng.normal()));
    const WholeSplit flow = split_by_flow(routes, placement);
    const double program = split_by_program(routes, placement).most;
    ASSERT_NEAR(program, flow.bound, 1e-6 * std::max(1.0, program));
    const auto load = load_of(flow, placement);
    ASSERT_LE(*std::max_element(load.begin(), load.end()), static_cast<double>(flow.most));
    for (const ExpertId expert : routes.ids()) {
      std::int64_t sum = 0;
      for (const SlotId slot : placement.slots_of[expert]) sum += flow.routes[slot];
      ASSERT_EQ(sum, routes[expert]);
    }
  }
}

// Expert 0 has eight routes; GPU 0 has expert 1's two beside its copy, GPU 1 expert 2's four. 14
// routes: 7 each, so five of eight go to GPU 0. How far the two copies are behind 5/8 and 3/8 of
// the routes so far, in eighths, and which of them serves:
//   (5, 3) 0  (2, 6) 1  (7, 1) 0  (4, 4) 0  (1, 7) 1  (6, 2) 0  (3, 5) 1  (8, 0) 0
TEST(FlowReplica, DealsEachCopyItsShareOfEveryStretch) {
  const Cluster cluster = cluster_of(1, 2);
  const LayerPlacement placement = placement_of({1, 0, 0, 2}, 2);
  std::vector<std::vector<int>> tokens(8, {0});
  for (const int expert : {1, 1, 2, 2, 2, 2}) tokens.push_back({expert});
  const Routing routing = routing_of({tokens, {}}, 3);
  const auto slots = slots_of(assign("flow", routing, placement, cluster));
  EXPECT_EQ(std::vector<int>(slots.begin(), slots.begin() + 8),
            (std::vector<int>{1, 2, 1, 1, 2, 1, 2, 1}));
  EXPECT_EQ(assign("flow", counts_only(routing), placement, cluster).routes.row(GpuId(0))[1], 5);
}

// policies.md section 9, item 6.
TEST(FlowReplica, HasTheLowestLargestLoadOfAllPolicies) {
  const Cluster cluster = cluster_of(2, 4);
  const LayerPlacement placement =
      placement_of({0, 1, 2, 3, 4, 5, 6, 7, 0, 0, 1, 2, 0, 3, 1, 0}, 8);
  std::vector<std::vector<std::vector<int>>> ids(8);
  Rng rng(12, Purpose::kRouting);
  for (auto& tokens : ids)
    for (int token = 0; token < 200; ++token)
      tokens.push_back({std::min(rng.below(8), rng.below(8))});  // the first are asked for most
  const Routing routing = routing_of(ids, 8);
  const auto largest = [&](const std::string& kind) {
    const Assignment assignment = assign(kind, routing, placement, cluster);
    std::vector<int> load(8);
    for (const GpuId source : assignment.routes.row_ids())
      for (const SlotId slot : placement.expert_of.ids())
        load[placement.gpu_of(slot).index()] += assignment.routes(source, slot);
    return *std::max_element(load.begin(), load.end());
  };
  const int best = largest("flow");
  EXPECT_EQ(best, split_by_flow(expert_load(routing.counts), placement).most);
  for (const std::string& kind : Catalog::instance().names("replica"))
    EXPECT_GE(largest(kind), best) << kind;
  EXPECT_GT(largest("all_to_first"), best);
}

// The layer of `flow` above, with 1000 times the routes: shares of 5/8 and 3/8, in draws.
TEST(LpReplica, DrawsCopiesByTheProgramsProbabilities) {
  const Cluster cluster = cluster_of(1, 2);
  const LayerPlacement placement = placement_of({1, 0, 0, 2}, 2);
  std::vector<std::vector<int>> tokens(8000, {0});
  tokens.insert(tokens.end(), 2000, {1});
  tokens.insert(tokens.end(), 4000, {2});
  const Routing routing = routing_of({tokens, {}}, 3);
  for (const Routing& form : {routing, counts_only(routing)}) {
    const Assignment assignment = assign("lp", form, placement, cluster);
    EXPECT_NEAR(assignment.routes(GpuId(0), SlotId(1)), 5000, 175);  // four deviations of 43
  }
  EXPECT_EQ(assign("lp", routing, placement, cluster).slots,
            assign("lp", routing, placement, cluster).slots);
}

TEST(SolverReplicas, CostASolveAndAnAllReduceOfCountsWhereThereAreCopies) {
  for (const char* kind : {"lp", "flow"}) {
    const auto policy = plugin<Replica>(std::string("{kind: ") + kind + ", solve_time: 80 us}");
    const ReplicaWork work = policy->work(placement_of({1, 0, 0, 2}, 2));
    EXPECT_DOUBLE_EQ(work.solve.value, 80e-6);
    EXPECT_DOUBLE_EQ(work.counts.value, 3 * 4);
    EXPECT_FALSE(work.counts_time);
    EXPECT_EQ(policy->work(placement_of({0, 1, 2, 3}, 2)).solve.value, 0);
  }
  EXPECT_EQ(plugin<Replica>("least_loaded")->work(placement_of({1, 0, 0, 2}, 2)).counts.value, 0);
}

}  // namespace
}  // namespace moesim
