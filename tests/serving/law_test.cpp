// What holds of any queue.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/serving_runs.hpp"

namespace moesim {
namespace {

// Requests of one token each, with exponential gaps, and a server that takes a second for each.
RequestList poisson(int count, double rate) {
  Rng rng(11, Purpose::kArrivals);
  std::vector<Sent> sent;
  double time = 0;
  for (int i = 0; i < count; ++i)
    sent.push_back({time += -std::log(1 - rng.uniform()) / rate, 1, 1});
  return requests_of(sent);
}

// Pollaczek-Khinchine: in M/D/1 with load ρ and service time 1 the mean wait is ρ / (2 (1 − ρ)).
TEST(Serving, WaitsLikeMD1WhereAStepIsARequest) {
  RuleClock clock(1);
  clock.keep = false;
  const ServingResult result = serve_with(
      poisson(200000, 0.6),
      setup_of({pool_of(10, 1, {.batching = "{kind: continuous, requests: 1}"})}), clock);
  double wait = 0;
  for (const RequestRecord& each : result.requests) wait += each.admitted - each.arrival;
  EXPECT_NEAR(wait / 200000, 0.6 / (2 * 0.4), 0.02);
}

// Arrivals and ends fall on the begins of steps, so that a step's count of requests holds for all
// of it: its mean over time is then the rate of arrivals times the mean time of a request.
TEST(Serving, KeepsLittlesLaw) {
  Rng rng(5, Purpose::kArrivals);
  std::vector<Sent> sent;
  for (int time = 0; time < 2000; ++time)
    for (int n = rng.below(3); n > 0; --n)
      sent.push_back({static_cast<double>(time), 1 + rng.below(30), 1 + rng.below(8)});
  RuleClock clock(1);
  clock.keep = false;
  const ServingResult result = serve_with(
      requests_of(sent),
      setup_of({pool_of(300, 2, {.batching = "{kind: chunked_prefill, tokens: 24}"})}), clock);
  double present = 0, spent = 0;
  for (const ServingStep& step : result.pools[0].steps)
    present += (step.running + step.waiting) * (step.end - step.begin);
  for (const RequestRecord& each : result.requests) spent += each.end - each.arrival;
  EXPECT_GT(spent, 1000);
  EXPECT_DOUBLE_EQ(present, spent);
}

}  // namespace
}  // namespace moesim
