// No exchange beats the wire, and one that nothing else limits is close to it: on 8 to 1024 GPUs,
// from 1 B to 1 GiB per GPU, uniform and skewed, inside one NVLink domain and across nodes of 8.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/support/engine_runs.hpp"

namespace moesim {
namespace {

constexpr double kMiB = 1024 * 1024;
const NetworkOptions kFluid{.fidelity = Fidelity::kFluid, .tolerance = 0.01};
const NetworkOptions kAggregated{.fidelity = Fidelity::kAggregated, .tolerance = 0.01};

Cluster one_level(int gpus) {
  ClusterSpec spec = test_spec(1);
  spec.gpus_per_node = spec.nics_per_node = gpus;
  return build_cluster(spec, "nvlink_domain");
}

Cluster two_levels(int gpus) { return build_cluster(test_spec(gpus / 8), "rail_optimized"); }

// Bytes of each pair for 1 byte per GPU on average: all equal, or some receivers more popular.
ByteMatrix traffic(int gpus, bool skewed) {
  ByteMatrix bytes(gpus, gpus, 1.0 / (gpus - 1));
  if (!skewed) return bytes;
  Rng rng(7, Purpose::kPopularity);
  std::vector<double> popularity;
  double sum = 0;
  for (int gpu = 0; gpu < gpus; ++gpu) {
    popularity.push_back(std::exp(0.8 * rng.normal()));
    sum += popularity.back();
  }
  for (const GpuId source : bytes.row_ids())
    for (const GpuId target : bytes.column_ids())
      bytes(source, target) *= popularity[target.index()] * gpus / sum;
  return bytes;
}

// What the wire needs: the longest of bytes / bandwidth over the links for 1 byte per GPU, and the
// shortest and the longest latency of a route.
struct Bound {
  double seconds = 0, shortest = kForever.value, longest = 0;
};

Bound bound_of(const Cluster& cluster, const ByteMatrix& bytes) {
  Bound bound;
  std::vector<double> load(cluster.links().size(), 0);
  for (int source = 0; source < cluster.gpus(); ++source) {
    for (int target = 0; target < cluster.gpus(); ++target) {
      if (source == target) continue;
      const Route route = cluster.route(GpuId(source), GpuId(target), RouteRule::kDirect);
      const double size = bytes(GpuId(source), GpuId(target));
      for (int hop = 0; hop < route.count; ++hop)
        load[route.links[static_cast<std::size_t>(hop)].index()] += size;
      bound.shortest = std::min(bound.shortest, route.latency.value);
      bound.longest = std::max(bound.longest, route.latency.value);
    }
  }
  for (const Link& link : cluster.links())
    bound.seconds = std::max(bound.seconds, load[link.id.index()] / link.bandwidth.value);
  return bound;
}

double end_of(const Cluster& cluster, const NetworkOptions& options, ByteMatrix bytes,
              double bytes_per_gpu) {
  for (double& size : bytes.raw()) size *= bytes_per_gpu;
  const Exchange exchange{.legs = {{.bytes = std::move(bytes)}}};
  const std::vector<double> ends = run_alone(cluster, options, exchange_graph(exchange), 0);
  return *std::max_element(ends.begin(), ends.end());
}

void expect_near_the_wire(const Cluster& cluster, const NetworkOptions& options, bool skewed,
                          const std::vector<double>& sizes) {
  const ByteMatrix bytes = traffic(cluster.gpus(), skewed);
  const Bound bound = bound_of(cluster, bytes);
  for (const double size : sizes) {
    const double wire = bound.seconds * size;
    const double end = end_of(cluster, options, bytes, size);
    EXPECT_GE(end, (wire + bound.shortest) * (1 - 1e-9)) << cluster.gpus() << " GPUs " << size;
    EXPECT_LE(end, 1.05 * (wire + bound.longest)) << cluster.gpus() << " GPUs " << size;
  }
}

TEST(WireBound, IsKeptAndNearlyMetInsideADomain) {
  for (const int gpus : {8, 16, 64, 256})
    for (const bool skewed : {false, true})
      expect_near_the_wire(one_level(gpus), kFluid, skewed, {1, 1024, kMiB, 1024 * kMiB});
}

TEST(WireBound, IsKeptAndNearlyMetAcrossNodes) {
  for (const int gpus : {16, 64, 256})
    for (const bool skewed : {false, true})
      expect_near_the_wire(two_levels(gpus), kFluid, skewed, {1, 1024, kMiB, 1024 * kMiB});
}

TEST(WireBound, IsKeptAndNearlyMetBy1024Gpus) {
  expect_near_the_wire(one_level(1024), kFluid, false, {kMiB});
  expect_near_the_wire(two_levels(1024), kFluid, false, {1});
  expect_near_the_wire(two_levels(1024), kFluid, true, {1024 * kMiB});
}

TEST(WireBound, IsKeptAndNearlyMetByAggregatedFlows) {
  for (const int gpus : {16, 64, 256})
    for (const bool skewed : {false, true})
      expect_near_the_wire(two_levels(gpus), kAggregated, skewed, {1, kMiB, 1024 * kMiB});
}

}  // namespace
}  // namespace moesim
