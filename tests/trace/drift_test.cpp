#include <gtest/gtest.h>

#include <cmath>

#include "tests/trace/make_trace.hpp"

namespace moesim {
namespace {

// ln(count) of every expert, less its mean. With k = 1 that is ln(popularity), but for noise.
std::vector<double> log_popularity(const Trace& trace, int step) {
  const Routing routing = route_of(trace, step, 0, {2000000000}, RoutingDetail::kCounts);
  std::vector<double> logs;
  double sum = 0;
  for (const int count : routing.counts.raw()) {
    logs.push_back(std::log(count));
    sum += logs.back();
  }
  for (double& x : logs) x -= sum / static_cast<double>(logs.size());
  return logs;
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return ab / std::sqrt(aa * bb);
}

double deviation(const std::vector<double>& a) {
  double squares = 0;
  for (const double x : a) squares += x * x;
  return std::sqrt(squares / static_cast<double>(a.size()));
}

constexpr int kExperts = 1024;

TEST(Drift, ForgetsAtTheRateItIsTold) {
  const auto trace =
      make_trace("{kind: drift, sigma: 0.5, rate: 0.5, source_spread: 0, step_spread: 0}",
                 routed_model(kExperts, 1, 1));
  const std::vector<double> start = log_popularity(*trace, 0);
  // After s steps the walk has the variance 0.25·s/1000 beside the 0.25 of the start, so that the
  // correlation with the start is 1/√(1 + s/1000). Its standard error is below 1/√1024.
  for (const int step : {1, 100, 777, 1000, 3000}) {
    const std::vector<double> now = log_popularity(*trace, step);
    EXPECT_NEAR(correlation(start, now), 1 / std::sqrt(1 + step / 1000.0), 4.0 / 32) << step;
    EXPECT_NEAR(deviation(now), 0.5, 4 * 0.5 / std::sqrt(2.0 * kExperts)) << step;
  }
}

TEST(Drift, MovesLittleBetweenNeighbouringSteps) {
  const auto trace =
      make_trace("{kind: drift, sigma: 0.5, rate: 1, source_spread: 0, step_spread: 0}",
                 routed_model(kExperts, 1, 1));
  for (const int step : {7, 63, 500, 1023}) {
    const std::vector<double> here = log_popularity(*trace, step);
    const std::vector<double> next = log_popularity(*trace, step + 1);
    // Var of one step is 1/1000 before scaling, the whole is 0.25 + s/1000.
    const double whole = 0.25 + step / 1000.0;
    EXPECT_NEAR(1 - correlation(here, next), 0.5 * 0.001 / whole, 0.1 * 0.001 / whole) << step;
  }
}

TEST(Drift, JumpsToAnUnrelatedPopularity) {
  const auto trace = make_trace(
      "{kind: drift, sigma: 0.5, rate: 0, jumps: [10, 20], source_spread: 0, step_spread: 0}",
      routed_model(kExperts, 1, 1));
  EXPECT_NEAR(correlation(log_popularity(*trace, 0), log_popularity(*trace, 9)), 1, 1e-3);
  EXPECT_NEAR(correlation(log_popularity(*trace, 9), log_popularity(*trace, 10)), 0, 4.0 / 32);
  EXPECT_NEAR(correlation(log_popularity(*trace, 10), log_popularity(*trace, 19)), 1, 1e-3);
  EXPECT_NEAR(correlation(log_popularity(*trace, 19), log_popularity(*trace, 20)), 0, 4.0 / 32);
  EXPECT_NEAR(correlation(log_popularity(*trace, 0), log_popularity(*trace, 20)), 0, 4.0 / 32);
}

}  // namespace
}  // namespace moesim
