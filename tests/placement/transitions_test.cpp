// Placements by what follows what from layer to layer.
#include "sim/placement/transitions.hpp"

#include <gtest/gtest.h>

#include "sim/base/random.hpp"
#include "tests/support/affinities.hpp"

namespace moesim {
namespace {

ExpertGpus gpus_of(const Placement& placement) {
  ExpertGpus gpu_of(placement.layers.size());
  for (const LayerId layer : placement.layers.ids())
    for (const auto& slots : placement.layers[layer].slots_of)
      gpu_of[layer].push_back(placement.layers[layer].gpu_of(slots.front()).value);
  return gpu_of;
}

double cost_of(const Placement& placement, const PlacementRequest& request) {
  return transition_cost(request.detail.transitions, gpus_of(placement),
                         hop_distance(request.gpus, request.nodes));
}

PlacementRequest request_for(std::vector<ExpertPairs> pairs, int gpus, int nodes = 1) {
  const int experts = static_cast<int>(pairs.front().rows());
  return {.load = ExpertLoad(static_cast<int>(pairs.size()) + 1, experts, 1.0),
          .gpus = gpus,
          .nodes = nodes,
          .detail = {.transitions = IdVector<LayerId, ExpertPairs>(std::move(pairs))}};
}

// 0 → 2, 1 → 3, 2 → 0 and 3 → 1 ten times each, 0 → 1 and 2 → 3 once. With {0,
// 3} and {1, 2} in the first layer and {1, 2} and {0, 3} in the second nobody
// moves. In order all 40 move; LPT's {0, 2} and {1, 3} in both layers move the
// two single ones. One layer after the other from {0, 1} on, the second becomes
// {2, 3}, which also moves two, and neither layer alone can do better.
TEST(ExFlowPlacement, FindsWhatLayerByLayerDoesNot) {
  const PlacementRequest request = request_for(
      {expert_pairs(4, {{0, 2, 10}, {1, 3, 10}, {2, 0, 10}, {3, 1, 10}, {0, 1, 1}, {2, 3, 1}},
                    false)},
      2);
  EXPECT_DOUBLE_EQ(cost_of(placed_layers("exflow", request), request), 0);
  EXPECT_DOUBLE_EQ(cost_of(placed_layers("{kind: exflow, program_size: 0}", request), request), 2);
  EXPECT_DOUBLE_EQ(cost_of(placed_layers("linear", request), request), 40);
  EXPECT_DOUBLE_EQ(cost_of(placed_layers("lpt", request), request), 2);
}

// e → e + 4 modulo 8, four GPUs on two nodes: everybody crosses the nodes in
// order, 8 · 10 tokens by two hops. Numbering the second layer anew costs
// nothing.
TEST(ExFlowPlacement, FollowsExpertsOverNodes) {
  std::vector<ExpertPair> shift;
  for (int e = 0; e < 8; ++e) shift.push_back({e, (e + 4) % 8, 10});
  const PlacementRequest request = request_for({expert_pairs(8, shift, false)}, 4, 2);
  EXPECT_DOUBLE_EQ(cost_of(placed_layers("linear", request), request), 160);
  EXPECT_DOUBLE_EQ(cost_of(placed_layers("exflow", request), request), 0);
  EXPECT_DOUBLE_EQ(cost_of(placed_layers("{kind: exflow, program_size: 0}", request), request), 0);
}

TEST(ExFlowPlacement, BeatsTheOrderOnRandomTransitionsAndFillsEverySlotOnce) {
  Rng rng(2, Purpose::kPlacement);
  std::vector<ExpertPairs> pairs(5, ExpertPairs(32, 32));
  for (ExpertPairs& matrix : pairs)
    for (double& tokens : matrix.raw()) tokens = std::floor(10 * std::exp(1.5 * rng.normal()));
  const PlacementRequest request = request_for(pairs, 8, 2);
  const Placement placed = placed_layers("exflow", request);
  EXPECT_LT(cost_of(placed, request), 0.9 * cost_of(placed_layers("linear", request), request));
  for (const LayerPlacement& layer : placed.layers)
    EXPECT_EQ(layer.first_slot, even_first_slots(32, 8));
}

// As for minmax_ilp, 9 on each of three GPUs; LPT is off by 2, 1 and 1.
TEST(MoeTunerPlacement, EvensTheClustersOut) {
  const std::vector<double> load{5, 3, 4, 5, 3, 4, 3};
  const PlacementRequest request{.load = load_of({load}), .gpus = 3};
  EXPECT_DOUBLE_EQ(largest_load(placed("moetuner", request), load), 9);
  EXPECT_DOUBLE_EQ(largest_load(placed("{kind: moetuner, variables: 0}", request), load), 11);
}

// One expert a GPU. What the second layer's experts receive on GPUs 0, 1 and 2
// from elsewhere:
//   expert 0: 1 5 6   expert 1: 6 1 5   expert 2: 5 7 8
// On their own numbers they receive 1 + 1 + 8, the least in sum; on 1, 2 and 0
// each receives 5, and no other order has less than 6 on its worst GPU.
TEST(MoeTunerPlacement, LowersTheWorstGpusTrafficRatherThanTheSum) {
  const PlacementRequest request = request_for(
      {expert_pairs(
          3, {{0, 0, 5}, {1, 0, 1}, {1, 1, 5}, {2, 1, 1}, {0, 2, 5}, {1, 2, 3}, {2, 2, 2}}, false)},
      3);
  EXPECT_EQ(sorted_by_gpu(placed_layers("moetuner", request).layers[LayerId(1)]),
            (Gpus{{2}, {0}, {1}}));
  for (const char* kind : {"{kind: moetuner, variables: 0}", "lpt", "linear"})
    EXPECT_EQ(sorted_by_gpu(placed_layers(kind, request).layers[LayerId(1)]), (Gpus{{0}, {1}, {2}}))
        << kind;
}

TEST(TransitionPlacements, MakeNoCopies) {
  for (const char* kind : {"exflow", "moetuner"})
    EXPECT_THROW(placed_layers(std::string("{kind: ") + kind + ", redundant: 2}",
                               request_for({ExpertPairs(2, 2)}, 2)),
                 InputError);
}

}  // namespace
}  // namespace moesim
