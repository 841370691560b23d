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

PartTimes some_time() { return PartTimes(2, KernelTime{.compute = Seconds(1)}); }

LayerParts moe_layer() {
  return {.step = 3,
          .layer = 5,
          .attention = some_time(),
          .gate = some_time(),
          .shared = some_time(),
          .experts = some_time(),
          .dispatch = Exchange{.phase = Phase::kDispatch},
          .combine = Exchange{.phase = Phase::kCombine}};
}

using Lines = std::vector<std::string>;

TEST(NoOverlap, RunsOnePartAfterTheOther) {
  const TaskGraph graph = plugin<Overlap>("none")->build(moe_layer());
  EXPECT_EQ(outline(graph), (Lines{"attention:", "gate: attention", "shared: gate",
                                   "dispatch: shared", "experts: dispatch", "combine: experts"}));
  EXPECT_EQ(graph.step, 3);
  EXPECT_EQ(graph.layer, 5);
}

TEST(NoOverlap, LeavesOutWhatALayerHasNot) {
  EXPECT_EQ(
      outline(plugin<Overlap>("none")->build({.attention = some_time(), .dense = some_time()})),
      (Lines{"attention:", "dense: attention"}));
}

TEST(SharedExpertOverlap, RunsTheSharedExpertsBesideDispatch) {
  EXPECT_EQ(outline(plugin<Overlap>("shared_expert")->build(moe_layer())),
            (Lines{"attention:", "gate: attention", "dispatch: gate", "shared: gate",
                   "experts: dispatch shared", "combine: experts"}));
}

TEST(SharedExpertOverlap, RunsTheSharedExpertsBesideCombineWhenAsked) {
  EXPECT_EQ(outline(plugin<Overlap>("{kind: shared_expert, beside: combine}")->build(moe_layer())),
            (Lines{"attention:", "gate: attention", "dispatch: gate", "experts: dispatch",
                   "combine: experts", "shared: experts"}));
}

// The all-reduce of counts and the solver's time are of the gate's phase.
TEST(EveryOverlap, LetsDispatchWaitForTheChoiceOfReplicas) {
  LayerParts parts = moe_layer();
  parts.agreement = Exchange{.phase = Phase::kGate};
  parts.choice = some_time();
  EXPECT_EQ(outline(plugin<Overlap>("none")->build(parts)),
            (Lines{"attention:", "gate: attention", "gate: gate", "gate: gate", "shared: gate",
                   "dispatch: shared", "experts: dispatch", "combine: experts"}));
  const TaskGraph beside = plugin<Overlap>("shared_expert")->build(parts);
  EXPECT_EQ(outline(beside),
            (Lines{"attention:", "gate: attention", "gate: gate", "gate: gate", "dispatch: gate",
                   "shared: gate", "experts: dispatch shared", "combine: experts"}));
  EXPECT_EQ(beside.nodes[4].after, std::vector<int>{3});
}

TEST(SharedExpertOverlap, IsNoOverlapWithoutSharedExperts) {
  LayerParts parts = moe_layer();
  parts.shared = {};
  EXPECT_EQ(outline(plugin<Overlap>("shared_expert")->build(parts)),
            outline(plugin<Overlap>("none")->build(parts)));
}

}  // namespace
}  // namespace moesim
