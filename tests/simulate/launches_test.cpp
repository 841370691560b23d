// Kernels that wait to be launched, on an engine.
#include "sim/launches.hpp"

#include <gtest/gtest.h>

#include "tests/support/engine_runs.hpp"

namespace moesim {
namespace {

Cluster one_node() { return build_cluster(test_spec(1), "rail_optimized"); }

// A fragment of kernels one after the other, each `launches` kernels and `seconds` long on GPU 0.
TaskGraph kernels(int count, double seconds, int launches = 1) {
  TaskGraph graph;
  for (int i = 0; i < count; ++i) {
    Compute kernel = compute(8, {{0, seconds}});
    for (KernelTime& time : kernel.time) time.launches = launches;
    graph.add(std::move(kernel), i > 0 ? std::vector<int>{i - 1} : std::vector<int>{});
  }
  return graph;
}

// When each fragment ends, if each begins a step or not.
std::vector<double> fragment_ends(Launching launching,
                                  std::vector<std::pair<TaskGraph, bool>> fragments) {
  const Cluster cluster = one_node();
  return in_child([&] {
    RecordingProducer producer;
    HostThread host(launching);
    for (auto& [graph, begins_step] : fragments)
      producer.fragments.push_back(host.launch(std::move(graph), begins_step));
    Engine engine(cluster, {});
    engine.add(producer);
    engine.run();
    return producer.fragment_ends;
  });
}

TEST(Launches, OfLongKernelsAreHiddenButForTheFirst) {
  const auto ends = fragment_ends({.graphs = false, .kernel = Seconds(1)},
                                  {{kernels(3, 10), true}, {kernels(2, 10), false}});
  EXPECT_DOUBLE_EQ(ends[0], 1 + 30);
  EXPECT_DOUBLE_EQ(ends[1], 1 + 50);
}

// The host is the slower one: the fifth kernel is launched at 5 · 3, and runs for 1.
TEST(Launches, OfShortKernelsSetThePaceAcrossFragments) {
  const auto ends = fragment_ends({.graphs = false, .kernel = Seconds(3)},
                                  {{kernels(3, 1), true}, {kernels(2, 1), false}});
  EXPECT_DOUBLE_EQ(ends[0], 9 + 1);
  EXPECT_DOUBLE_EQ(ends[1], 15 + 1);
}

// The four kernels of a node are launched while it runs; the next node begins at 2 · 5, and its
// last kernel is launched at 2 · 8.
TEST(Launches, OfANodeOfSeveralKernelsGoOnWhileItRuns) {
  const auto ends =
      fragment_ends({.graphs = false, .kernel = Seconds(2)}, {{kernels(2, 1, 4), true}});
  EXPECT_DOUBLE_EQ(ends[0], 2 * 8);
}

// The next step's tokens are known when this step has ended.
TEST(Launches, BeginAnewWithEveryStep) {
  const auto ends = fragment_ends({.graphs = false, .kernel = Seconds(1), .step = Seconds(5)},
                                  {{kernels(2, 10), true}, {kernels(2, 10), true}});
  EXPECT_DOUBLE_EQ(ends[0], 5 + 1 + 20);
  EXPECT_DOUBLE_EQ(ends[1], 26 + 5 + 1 + 20);
}

TEST(Launches, CostNothingInAGraphButTheTimeBetweenSteps) {
  const auto ends = fragment_ends({.kernel = Seconds(3), .step = Seconds(5)},
                                  {{kernels(2, 1), true}, {kernels(2, 1), false}});
  EXPECT_DOUBLE_EQ(ends[0], 5 + 2);
  EXPECT_DOUBLE_EQ(ends[1], 5 + 4);
}

}  // namespace
}  // namespace moesim
