// What planning takes: 58 layers of 256 experts in 288 slots on 32 GPUs of 4 nodes, with all that
// each placement wants to know. The table of scenarios/README.md is from here.
#include <benchmark/benchmark.h>

#include <cmath>

#include "sim/placement/placement_policy.hpp"
#include "tests/support/plugin.hpp"

namespace moesim {
namespace {

constexpr int kLayers = 58, kExperts = 256, kGpus = 32, kNodes = 4, kSteps = 8;

ExpertLoad lognormal_load(int step) {
  ExpertLoad load(kLayers, kExperts);
  Rng layer(1, Purpose::kPopularity),
      change(1, Purpose::kPopularity, 1, static_cast<unsigned>(step));
  for (double& routes : load.raw())
    routes = std::floor(4096 * std::exp(0.8 * layer.normal() + 0.1 * change.normal()));
  return load;
}

// Pairs of a layer in which experts that are hot are hot together.
ExpertPairs pairs_of(std::span<const double> load, std::uint32_t layer) {
  ExpertPairs pairs(kExperts, kExperts);
  Rng rng(1, Purpose::kRouting, layer);
  for (const ExpertId a : pairs.row_ids())
    for (int b = a.value + 1; b < kExperts; ++b)
      pairs(a, ExpertId(b)) = pairs(ExpertId(b), a) =
          std::floor(load[a.index()] * load[static_cast<std::size_t>(b)] / 1e6 * rng.uniform());
  return pairs;
}

PlacementRequest everything() {
  PlacementRequest request{.gpus = kGpus, .nodes = kNodes, .groups = 8};
  for (int step = 0; step < kSteps; ++step) request.detail.steps.push_back(lognormal_load(step));
  request.load = sum_of(request.detail.steps);
  for (const LayerId layer : request.load.row_ids()) {
    const auto load = request.load.row(layer);
    SourceLoad& sources = request.detail.sources.raw().emplace_back(kGpus, kExperts);
    for (const GpuId gpu : sources.row_ids())
      for (const ExpertId expert : sources.column_ids())
        sources(gpu, expert) = std::floor(load[expert.index()] / kGpus);
    const auto number = static_cast<std::uint32_t>(layer.value);
    request.detail.coactivation.raw().push_back(pairs_of(load, number));
    if (layer.value + 1 < kLayers)
      request.detail.transitions.raw().push_back(pairs_of(load, kLayers + number));
  }
  request.distance = hop_distance(kGpus, kNodes);
  request.speed = IdVector<GpuId, double>(kGpus, 1.0);
  request.expert_size = Bytes(44e6);
  request.expert_room = IdVector<GpuId, Bytes>(kGpus, Bytes(40e9));
  return request;
}

void place(benchmark::State& state, const std::string& section) {
  static const PlacementRequest request = everything();
  const auto policy = plugin<PlacementPolicy>(section);
  for (auto _ : state) benchmark::DoNotOptimize(policy->place(request));
}

}  // namespace

// Every placement there is, with copies where it makes some.
void register_placement_benchmarks() {
  for (const std::string& kind : Catalog::instance().names(PlacementPolicy::kRole)) {
    if (kind == "file") continue;
    const bool copies = kind != "owner_floor" && kind != "exflow" && kind != "moetuner";
    const std::string more = copies ? ", redundant: 32" : "";
    benchmark::RegisterBenchmark(("placement/" + kind).c_str(), place,
                                 "{kind: " + kind + more + "}")
        ->Unit(benchmark::kMillisecond);
  }
}

}  // namespace moesim
