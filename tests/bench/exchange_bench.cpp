// What one layer of a prefill step costs left of the task graph: 32 GPUs of 4096 tokens, top-8 of
// 256 experts in 288 slots.
#include <benchmark/benchmark.h>

#include "sim/exchange/reach.hpp"
#include "sim/placement/placement_policy.hpp"
#include "sim/trace/sampler.hpp"
#include "tests/support/clusters.hpp"
#include "tests/support/fake_cost.hpp"
#include "tests/support/plugin.hpp"

namespace moesim {
namespace {

struct Layer {
  static constexpr int kGpus = 32, kExperts = 256, kTopK = 8, kTokens = 4096;
  Cluster cluster = build_cluster(test_spec(4), "rail_optimized");
  MoeModel model{.hidden = 7168, .experts = kExperts, .top_k = kTopK};
  FakeCost cost;
  Routing routing;
  LayerPlacement placement;

  explicit Layer(bool with_ids) {
    Rng rng(1, Purpose::kRouting);
    std::vector<double> popularity(kExperts);
    for (double& value : popularity) value = std::exp(0.8 * rng.normal());
    DistinctSampler sampler;
    sampler.reset(popularity, kTopK);
    routing = {.top_k = kTopK,
               .first_token = first_tokens(std::vector<int>(kGpus, kTokens)),
               .ids = std::vector<std::int16_t>(std::size_t{kGpus} * kTokens * kTopK)};
    for (std::size_t at = 0; at < routing.ids.size(); at += kTopK)
      sampler.draw(rng, {routing.ids.data() + at, kTopK});
    routing.counts = count_routes(routing, kExperts);
    if (!with_ids) routing.ids.clear();
    ExpertLoad load(1, kExperts);
    load.raw() = popularity;
    placement = plugin<PlacementPolicy>("{kind: eplb, redundant: 32}")
                    ->place({.load = load, .gpus = kGpus, .nodes = 4})
                    .layers[LayerId(0)];
  }

  Assignment assign(const Replica& replica) const {
    return replica.assign({routing, placement, cluster, StepId(0), LayerId(0)});
  }
};

void replica(benchmark::State& state, const std::string& kind, bool with_ids) {
  const Layer layer(with_ids);
  const auto policy = plugin<Replica>(kind);
  for (auto _ : state) benchmark::DoNotOptimize(layer.assign(*policy));
}

void exchange(benchmark::State& state, const std::string& kind, bool with_ids) {
  const Layer layer(with_ids);
  const Assignment assignment = layer.assign(*plugin<Replica>("round_robin_flat"));
  const auto policy = plugin<ExchangePolicy>(kind);
  for (auto _ : state)
    benchmark::DoNotOptimize(policy->plan({.routing = layer.routing,
                                           .assignment = assignment,
                                           .placement = layer.placement,
                                           .cluster = layer.cluster,
                                           .model = layer.model,
                                           .cost = layer.cost}));
}

BENCHMARK_CAPTURE(replica, round_robin_flat_ids, "round_robin_flat", true)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(replica, random_ids, "random", true)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(replica, least_loaded_ids, "least_loaded", true)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(replica, least_loaded_counts, "least_loaded", false)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(exchange, hierarchical_dedup_ids, "hierarchical_dedup", true)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(exchange, hierarchical_dedup_counts, "hierarchical_dedup", false)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(exchange, low_latency_counts, "low_latency", false)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace moesim
