#include "analysis/uncertainty.hpp"

#include <gtest/gtest.h>

#include "tests/analysis/example_run.hpp"

namespace moesim {
namespace {

Uncertainty estimate(const RunResult& result) {
  return estimate_uncertainty(result, compute_metrics(result)).value();
}

// Without the wait, the mean step is 3 ms attention (a roofline: 40 %), 2 + 2 ms exchange (10 %)
// and 8 ms experts (6 %): 15 ms.
TEST(Uncertainty, WeighsEachKernelsErrorWithItsShareOfTheStep) {
  const Uncertainty uncertainty = estimate(example_result());
  EXPECT_NEAR(uncertainty.step_error, (3 * 0.40 + 4 * 0.10 + 8 * 0.06) / 15, 1e-12);
  EXPECT_NEAR(uncertainty.unmeasured_share, 3.0 / 15, 1e-12);
  EXPECT_EQ(uncertainty.warning(),
            "20.0 % of the step rests on costs whose error nobody measured (attention), "
            "taken as ± 40 %");
}

TEST(Uncertainty, ALongerStepMeansLessThroughput) {
  const Uncertainty uncertainty{.step_error = 0.25};
  EXPECT_DOUBLE_EQ(uncertainty.time(0.020).low, 0.015);
  EXPECT_DOUBLE_EQ(uncertainty.time(0.020).high, 0.025);
  EXPECT_DOUBLE_EQ(uncertainty.rate(1000).low, 800);
  EXPECT_DOUBLE_EQ(uncertainty.rate(1000).high, 1000 / 0.75);
}

TEST(Uncertainty, OfAHundredPerCentBoundsThroughputBelowOnly) {
  const Uncertainty uncertainty{.step_error = 1.08};
  EXPECT_EQ(uncertainty.time(0.020).low, 0);
  EXPECT_DOUBLE_EQ(uncertainty.rate(1000).low, 1000 / 2.08);
  EXPECT_TRUE(std::isinf(uncertainty.rate(1000).high));
}

TEST(Uncertainty, DispatchAndCombineMayHaveErrorsOfTheirOwn) {
  RunResult result = example_result();
  result.errors = {{"experts", 0.0, true},
                   {"attention", 0.0, true},
                   {"deepep_normal dispatch", 0.30, true},
                   {"deepep_normal combine", 0.0, true}};
  EXPECT_NEAR(estimate(result).step_error, 2 * 0.30 / 15, 1e-12);
  EXPECT_EQ(estimate(result).warning(), "");
}

TEST(Uncertainty, APhaseThatNoKernelSpeaksForCountsAsUnmeasured) {
  RunResult result = example_result();
  result.errors = {{"experts", 0.06, true}, {"attention", 0.06, true}};
  EXPECT_NEAR(estimate(result).step_error, (11 * 0.06 + 4 * 0.40) / 15, 1e-12);
  EXPECT_EQ(estimate(result).unmeasured, "dispatch, combine");
}

TEST(Uncertainty, NothingIsClaimedWhereTheRunSaysNothing) {
  RunResult result = example_result();
  result.errors.clear();
  EXPECT_FALSE(estimate_uncertainty(result, compute_metrics(result)).has_value());
}

}  // namespace
}  // namespace moesim
