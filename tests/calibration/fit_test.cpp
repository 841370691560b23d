#include "sim/calibration/fit.hpp"

#include <gtest/gtest.h>

#include "sim/calibration/datasheet.hpp"

namespace moesim {
namespace {

// Rows of an imaginary kernel whose time is exactly the form with `truth`.
std::vector<PnormSample> samples_of(const PnormCoefficients<double>& truth) {
  const GpuSpec& gpu = find_datasheet("H200")->gpu;
  TableLoads loads(1, 2);
  std::vector<PnormSample> samples;
  for (const auto& [hidden, width, experts] :
       {std::tuple{4096, 2048, 64}, std::tuple{7168, 1024, 128}, std::tuple{2048, 4096, 32}}) {
    for (const int tokens : {1, 8, 64, 256, 1024, 4096}) {
      for (const std::string distribution : {"balanced", "power_law_1.01"}) {
        const MoeRow row{.distribution = distribution,
                         .dtype = DType::kFp8Block,
                         .hidden = hidden,
                         .width = width,
                         .top_k = 4,
                         .experts = experts,
                         .ep = 2,
                         .tokens = tokens,
                         .measured = Seconds(1)};
        samples.push_back(pnorm_sample(row, loads.of(row), gpu));
        samples.back().seconds = pnorm_seconds(truth, samples.back());
      }
    }
  }
  return samples;
}

PnormCoefficients<double> shifted_start(double factor) {
  PnormCoefficients<double> truth = pnorm_start();
  for (const Pnorm which :
       {Pnorm::kBase, Pnorm::kSlot, Pnorm::kComputeEfficiency, Pnorm::kReread, Pnorm::kRouteHidden})
    truth[static_cast<std::size_t>(which)] *= factor;
  return truth;
}

TEST(FitPnorm, FindsTheTimesOfAKernelThatFollowsTheForm) {
  const std::vector<PnormSample> samples = samples_of(shifted_start(1.3));
  const PnormCoefficients<double> found = fit_pnorm(samples, pnorm_start(), 200);
  for (const PnormSample& sample : samples)
    EXPECT_NEAR(pnorm_seconds(found, sample) / sample.seconds, 1, 0.01);
}

TEST(FitPnorm, GivesTheSameDigitsEachTime) {
  const std::vector<PnormSample> samples = samples_of(shifted_start(0.8));
  EXPECT_EQ(fit_pnorm(samples, pnorm_start(), 20), fit_pnorm(samples, pnorm_start(), 20));
}

TEST(FitPnorm, IsNotPulledByAFewFailedRows) {
  std::vector<PnormSample> samples = samples_of(shifted_start(1.1));
  std::vector<PnormSample> spoiled = samples;
  for (std::size_t i = 0; i < spoiled.size(); i += 12) spoiled[i].seconds *= 3;
  const PnormCoefficients<double> found = fit_pnorm(spoiled, pnorm_start(), 200);
  double sum = 0;
  for (const PnormSample& sample : samples)
    sum += std::abs(pnorm_seconds(found, sample) / sample.seconds - 1);
  // A plain mean of 8 % of rows that are 3 times too slow would be off by more.
  EXPECT_LT(sum / static_cast<double>(samples.size()), 0.08);
}

TEST(FitWithFolds, HoldsOutWholeShapes) {
  const PnormFit fit = fit_with_folds(samples_of(shifted_start(1.2)), 5);
  EXPECT_EQ(fit.folds, 3);  // there are three shapes
  EXPECT_EQ(fit.held_out.rows, 36);
  EXPECT_LT(fit.fitted.mape, 0.01);
  EXPECT_LT(fit.held_out.mape, 0.05);
  ASSERT_FALSE(fit.held_out_regimes.empty());
  EXPECT_EQ(fit.held_out_regimes[0].name, "balanced");
  EXPECT_EQ(fit.held_out_regimes[0].error.rows, 18);
}

TEST(ErrorSummary, IsMeanPercentileAndBias) {
  // Errors of 1 % to 10 %, every second one negative.
  std::vector<double> errors;
  for (int i = 1; i <= 10; ++i) errors.push_back(i % 2 == 0 ? -0.01 * i : 0.01 * i);
  const ErrorSummary summary = summarize(errors);
  EXPECT_EQ(summary.rows, 10);
  EXPECT_NEAR(summary.mape, 0.055, 1e-12);
  EXPECT_NEAR(summary.p90, 0.09, 1e-12);
  EXPECT_NEAR(summary.bias, -0.005, 1e-12);
  EXPECT_EQ(summarize({}).rows, 0);
}

}  // namespace
}  // namespace moesim
