// What the serving loop itself takes for a step: a closed loop with so many requests under way on
// 72 ranks, whose steps take no time to find out. With drafts, too.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "tests/support/serving_runs.hpp"

namespace moesim {
namespace {

RequestList closed_loop(int requests, int concurrency) {
  Rng rng(1, Purpose::kRequests);
  std::vector<Sent> sent;
  for (int i = 0; i < requests; ++i)
    sent.push_back({.input = 1 + rng.below(4000), .output = 50 + rng.below(700)});
  RequestList list = requests_of(sent);
  list.concurrency = concurrency;
  return list;
}

void serving_step(benchmark::State& state) {
  const int under_way = static_cast<int>(state.range(0));
  const RequestList list = closed_loop(3 * under_way, under_way);
  ServingSetup setup =
      setup_of({pool_of(4'000'000, 72,
                        {.batching = "{kind: chunked_prefill, requests: 4096, tokens: 65536}",
                         .router = "least_requests"})});
  setup.options.page = 64;
  setup.draft_tokens = static_cast<int>(state.range(1));
  setup.draft_acceptance = 0.85;
  std::int64_t steps = 0;
  for ([[maybe_unused]] const auto iteration : state) {
    RuleClock clock(0.05);
    clock.keep = false;
    benchmark::DoNotOptimize(serve_with(list, setup, clock));
    steps += clock.steps;
  }
  state.counters["seconds_per_step"] = benchmark::Counter(
      static_cast<double>(steps), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(serving_step)
    ->ArgNames({"requests", "drafts"})
    ->Args({1000, 0})
    ->Args({10000, 0})
    ->Args({10000, 1})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace moesim
