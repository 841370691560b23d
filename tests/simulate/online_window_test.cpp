// What online maps are made for: steps that have ended, or, for an oracle, those that come.
#include <gtest/gtest.h>

#include "sim/placement_request.hpp"
#include "tests/support/routings.hpp"

namespace moesim {
namespace {

// One layer, two GPUs, two experts: GPU 0 asks for expert 0 `own` times, GPU 1 for expert 1.
LayerLoad step_of(int own, int other) {
  LayerLoad load;
  load.routing = counts_only(routing_of({{{0}}, {{1}}}, 2));
  load.routing.counts(GpuId(0), ExpertId(0)) = own;
  load.routing.counts(GpuId(1), ExpertId(1)) = other;
  load.expert = {static_cast<double>(own), static_cast<double>(other)};
  return load;
}

// In the step s that comes GPU 0 asks s times for expert 1.
LoadWindow coming(int first, int steps, const WindowNeeds& needs) {
  WindowCounter counter(needs, 1, 2);
  for (int step = first; step < first + steps; ++step) {
    counter.begin_step();
    Routing routing = counts_only(routing_of({{{0}}, {{1}}}, 2));
    routing.counts = ExpertCounts(2, 2);
    routing.counts(GpuId(0), ExpertId(1)) = step;
    counter.add(LayerId(0), routing);
  }
  return counter.window();
}

LoadWindow window_after_step_3(Estimator estimator) {
  OnlineWindow window({.estimator = estimator, .window = 2}, {.sources = true}, 1, 2, coming);
  for (int step = 0; step <= 3; ++step) {
    window.layer_built(LayerId(0), step_of(10, 20));
    window.step_ended(step);
  }
  return window.window(3);
}

TEST(OnlineWindow, SeesOnlyThePastWithoutAnOracle) {
  const LoadWindow window = window_after_step_3(Estimator::kLast);
  EXPECT_EQ(window.load(LayerId(0), ExpertId(0)), 10);
  EXPECT_EQ(window.detail.sources[LayerId(0)](GpuId(0), ExpertId(0)), 10);
  EXPECT_EQ(window.detail.sources[LayerId(0)](GpuId(0), ExpertId(1)), 0);
}

// Steps 4 and 5: who asks comes from them, too, as does the mean load.
TEST(OnlineWindow, SeesWhoWillAskAsAnOracle) {
  const LoadWindow window = window_after_step_3(Estimator::kFuture);
  EXPECT_EQ(window.load(LayerId(0), ExpertId(1)), 4.5);
  EXPECT_EQ(window.detail.sources[LayerId(0)](GpuId(0), ExpertId(1)), 9);
  EXPECT_EQ(window.detail.sources[LayerId(0)](GpuId(0), ExpertId(0)), 0);
}

}  // namespace
}  // namespace moesim
