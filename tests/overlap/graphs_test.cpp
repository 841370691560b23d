// The task graphs of a layer, as lists of (phase, phases it comes after).
#include <gtest/gtest.h>

#include "sim/overlap/overlap.hpp"
#include "tests/support/plugin.hpp"

namespace moesim {
namespace {

Phase phase_of(const TaskNode& node) {
  return std::visit([](const auto& operation) { return operation.phase; }, node.operation);
}

std::vector<std::string> outline(const TaskGraph& graph) {
  std::vector<std::string> lines;
  for (const TaskNode& node : graph.nodes) {
    std::string line = std::string(to_string(phase_of(node))) + ":";
    for (const int before : node.after)
      line += std::string(" ") + to_string(phase_of(graph.nodes[static_cast<std::size_t>(before)]));
    lines.push_back(line);
  }
  return lines;
}

Part kernel(Phase phase) {
  return {{Compute{.time = PartTimes(2, KernelTime{.compute = Seconds(1)}), .phase = phase}}};
}

// The graph of one whole layer.
TaskGraph built(const std::string& overlap, LayerParts parts) {
  Carried carried;
  return plugin<Overlap>(overlap)->build({std::move(parts)}, carried);
}

LayerParts moe_layer() {
  return {.step = 3,
          .layer = 5,
          .attention = kernel(Phase::kAttention),
          .gate = kernel(Phase::kGate),
          .shared = kernel(Phase::kShared),
          .dispatch = {{Exchange{.phase = Phase::kDispatch}}},
          .experts = kernel(Phase::kExperts),
          .combine = {{Exchange{.phase = Phase::kCombine}}}};
}

using Lines = std::vector<std::string>;

TEST(NoOverlap, RunsOnePartAfterTheOther) {
  const TaskGraph graph = built("none", moe_layer());
  EXPECT_EQ(outline(graph), (Lines{"attention:", "gate: attention", "shared: gate",
                                   "dispatch: shared", "experts: dispatch", "combine: experts"}));
  EXPECT_EQ(graph.step, 3);
  EXPECT_EQ(graph.layer, 5);
}

TEST(NoOverlap, LeavesOutWhatALayerHasNot) {
  EXPECT_EQ(outline(built(
                "none", {.attention = kernel(Phase::kAttention), .dense = kernel(Phase::kDense)})),
            (Lines{"attention:", "dense: attention"}));
}

TEST(SharedExpertOverlap, RunsTheSharedExpertsBesideDispatch) {
  EXPECT_EQ(outline(built("shared_expert", moe_layer())),
            (Lines{"attention:", "gate: attention", "dispatch: gate", "shared: gate",
                   "experts: dispatch shared", "combine: experts"}));
}

TEST(SharedExpertOverlap, RunsTheSharedExpertsBesideCombineWhenAsked) {
  EXPECT_EQ(outline(built("{kind: shared_expert, beside: combine}", moe_layer())),
            (Lines{"attention:", "gate: attention", "dispatch: gate", "experts: dispatch",
                   "combine: experts", "shared: experts"}));
}

// The all-reduce of counts and the solver's time are of the gate's phase.
TEST(EveryOverlap, LetsDispatchWaitForTheChoiceOfReplicas) {
  LayerParts parts = moe_layer();
  parts.gate.push_back({Exchange{.phase = Phase::kGate}});
  parts.gate.push_back(kernel(Phase::kGate).front());
  EXPECT_EQ(outline(built("none", parts)),
            (Lines{"attention:", "gate: attention", "gate: gate", "gate: gate", "shared: gate",
                   "dispatch: shared", "experts: dispatch", "combine: experts"}));
  const TaskGraph beside = built("shared_expert", parts);
  EXPECT_EQ(outline(beside),
            (Lines{"attention:", "gate: attention", "gate: gate", "gate: gate", "dispatch: gate",
                   "shared: gate", "experts: dispatch shared", "combine: experts"}));
  EXPECT_EQ(beside.nodes[4].after, std::vector<int>{3});
}

TEST(SharedExpertOverlap, IsNoOverlapWithoutSharedExperts) {
  LayerParts parts = moe_layer();
  parts.shared = {};
  EXPECT_EQ(outline(built("shared_expert", parts)), outline(built("none", parts)));
}

LayerParts with_travelling_experts(bool before_gate, bool receive) {
  LayerParts parts = moe_layer();
  parts.travelling = TravellingExperts{.weights = {{Exchange{.phase = Phase::kMigration}}},
                                       .before_gate = before_gate,
                                       .experts = kernel(Phase::kExperts),
                                       .receive = receive};
  return parts;
}

TEST(EveryOverlap, SendsWeightsBesideDispatchAndLetsOnlyTheirExpertsWait) {
  EXPECT_EQ(outline(built("none", with_travelling_experts(false, false))),
            (Lines{"attention:", "gate: attention", "shared: gate", "dispatch: shared",
                   "experts: dispatch", "migration: gate", "experts: migration gate",
                   "combine: experts experts"}));
  EXPECT_EQ(outline(built("shared_expert", with_travelling_experts(false, true))),
            (Lines{"attention:", "gate: attention", "dispatch: gate", "shared: gate",
                   "experts: dispatch shared", "migration: gate",
                   "experts: migration dispatch shared", "combine: experts experts"}));
}

TEST(EveryOverlap, SendsWeightsThatAreKnownBeforeTheGateAtOnce) {
  EXPECT_EQ(outline(built("none", with_travelling_experts(true, false))),
            (Lines{"attention:", "gate: attention", "shared: gate", "dispatch: shared",
                   "experts: dispatch", "migration:", "experts: migration gate",
                   "combine: experts experts"}));
}

}  // namespace
}  // namespace moesim
