// Copies between GPUs, host memory and disks, and holds that a producer releases.
#include <gmock/gmock.h>

#include "sim/engine/symmetry.hpp"
#include "tests/support/engine_runs.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;

constexpr Fidelity kAll[] = {Fidelity::kPairwise, Fidelity::kFluid, Fidelity::kAggregated,
                             Fidelity::kAnalytic};

// Copies of 55 GB/s, 10 us; 100 GB/s of host memory; disks of 5 GB/s, 100 us.
ClusterSpec spec_with_hosts(int nodes = 1) {
  ClusterSpec spec = test_spec(nodes);
  spec.with_hosts = true;
  spec.host = {.bandwidth = BytesPerSecond(55e9),
               .latency = Seconds(10e-6),
               .memory_bandwidth = BytesPerSecond(100e9),
               .cpu = FlopsPerSecond(1e12),
               .disk = BytesPerSecond(5e9),
               .disk_latency = Seconds(100e-6)};
  return spec;
}

// GPUs on PCIe switches by pairs.
ClusterSpec pcie_spec() {
  ClusterSpec spec = spec_with_hosts();
  spec.gpus_per_node = 4;
  spec.nics_per_node = 0;
  spec.nvlink_bandwidth = BytesPerSecond(0);
  spec.host.memory_bandwidth = BytesPerSecond(400e9);
  return spec;
}

Transfer fetch(int gpu, double bytes, Store from = Store::kHost) {
  return {.source = GpuId(gpu), .target = GpuId(gpu), .size = Bytes(bytes), .from = from};
}

// When each of these copies, begun together, has ended.
std::vector<double> ends_of(const Cluster& cluster, const std::vector<Transfer>& copies,
                            Fidelity fidelity = Fidelity::kFluid) {
  return in_child([&] {
    RecordingProducer producer;
    TaskGraph graph;
    for (const Transfer& copy : copies) graph.add(copy);
    producer.fragments.push_back(graph);
    Engine engine(cluster, {.fidelity = fidelity, .tolerance = 0});
    engine.add(producer);
    engine.run();
    std::vector<double> ends;
    for (std::size_t at = 0; at < copies.size(); ++at)
      ends.push_back(producer.end(static_cast<int>(at), copies[at].target.value));
    return ends;
  });
}

TEST(HostCopies, TakeTheirLatencyAndBytesOverBandwidthAtEveryFidelity) {
  const Cluster cluster = build_cluster(spec_with_hosts(), "nvlink_domain");
  for (const Fidelity fidelity : kAll) {
    EXPECT_NEAR(ends_of(cluster, {fetch(3, 110e6)}, fidelity)[0], 10e-6 + 2e-3, 1e-12);
    EXPECT_NEAR(ends_of(cluster, {fetch(3, 50e6, Store::kDisk)}, fidelity)[0], 110e-6 + 10e-3,
                1e-12);
    const Transfer back{
        .source = GpuId(3), .target = GpuId(3), .size = Bytes(55e6), .to = Store::kHost};
    EXPECT_NEAR(ends_of(cluster, {back}, fidelity)[0], 10e-6 + 1e-3, 1e-12);
  }
}

TEST(HostCopies, ShareTheLinkOfTheirGpu) {
  const Cluster cluster = build_cluster(spec_with_hosts(), "nvlink_domain");
  const auto ends = ends_of(cluster, {fetch(0, 55e6), fetch(0, 110e6)});
  EXPECT_NEAR(ends[0], 10e-6 + 2e-3, 1e-12);
  EXPECT_NEAR(ends[1], 10e-6 + 3e-3, 1e-12);
}

TEST(HostCopies, ShareTheBandwidthOfHostMemory) {
  // Four GPUs of one node get 25 GB/s each.
  const Cluster cluster = build_cluster(spec_with_hosts(), "nvlink_domain");
  const auto ends =
      ends_of(cluster, {fetch(0, 50e6), fetch(1, 50e6), fetch(2, 50e6), fetch(3, 50e6)});
  for (const double end : ends) EXPECT_NEAR(end, 10e-6 + 2e-3, 1e-12);
}

TEST(HostCopies, ShareThePortOfAPcieSwitch) {
  // The port of a switch is as wide as a GPU's, 64 GB/s: two GPUs get 32 GB/s each, and one on
  // another switch 55 GB/s.
  const Cluster cluster = build_cluster(pcie_spec(), "{kind: pcie, gpus_per_switch: 2}");
  const auto ends = ends_of(cluster, {fetch(0, 64e6), fetch(1, 64e6), fetch(2, 55e6)});
  EXPECT_NEAR(ends[0], 10e-6 + 2e-3, 1e-12);
  EXPECT_NEAR(ends[1], 10e-6 + 2e-3, 1e-12);
  EXPECT_NEAR(ends[2], 10e-6 + 1e-3, 1e-12);
}

TEST(HostCopies, GoOverTheWiresOfTheNode) {
  const Cluster cluster = build_cluster(pcie_spec(), "{kind: pcie, gpus_per_switch: 2}");
  EXPECT_THAT(link_names(cluster, cluster.store_route(GpuId(2), Store::kDisk, Store::kGpu)),
              ElementsAre("node0.disk_out", "node0.memory_out", "node0.pcie1_down",
                          "node0.gpu2.pcie_in", "node0.gpu2.host_in"));
  const Cluster nvlink = build_cluster(spec_with_hosts(2), "rail_optimized");
  EXPECT_THAT(link_names(nvlink, nvlink.store_route(GpuId(9), Store::kGpu, Store::kHost)),
              ElementsAre("node1.gpu1.host_out", "node1.memory_in"));
}

TEST(HostCopies, LeaveTheRoutesNumbersAndSymmetriesOfGpusAsTheyAre) {
  for (const char* topology : {"rail_optimized", "fat_tree", "nvlink_domain"}) {
    ClusterSpec spec = spec_with_hosts(2);
    const Cluster with = build_cluster(spec, topology);
    spec.with_hosts = false;
    const Cluster without = build_cluster(spec, topology);
    ASSERT_GT(with.links().size(), without.links().size());
    for (const Link& link : without.links()) EXPECT_EQ(with.link(link.id).name, link.name);
    for (const RouteRule rule : {RouteRule::kDirect, RouteRule::kPxn, RouteRule::kSourceRail})
      for (const int target : {1, 9, 12})
        EXPECT_EQ(link_names(with, with.route(GpuId(0), GpuId(target), rule)),
                  link_names(without, without.route(GpuId(0), GpuId(target), rule)));
    EXPECT_EQ(renamings_of(with).size(), renamings_of(without).size());
    EXPECT_FALSE(without.host());
  }
}

TEST(HostCopies, DoNotJoinGpusThatHaveNoOtherWay) {
  // One GPU a node, no NVLink: they meet through their NICs, with hosts as without.
  ClusterSpec spec = spec_with_hosts(2);
  spec.gpus_per_node = spec.nics_per_node = 1;
  const Cluster cluster = build_cluster(spec, "rail_optimized");
  EXPECT_FALSE(cluster.same_domain(GpuId(0), GpuId(1)));
}

// Releases the hold on GPU 0 when the node `key` has ended there.
class Releaser final : public RecordingProducer {
 public:
  Engine* engine = nullptr;
  int key = 0, hold = 0;
  void done(int fragment, int node, GpuId gpu, Seconds time) override {
    RecordingProducer::done(fragment, node, gpu, time);
    if (node == key && gpu == GpuId(0)) engine->release(*this, fragment, hold, gpu);
  }
};

// Ends of the hold on GPUs 0 and 1, and the length of the spans it is told with. The hold is ready
// after 10 us, and released when a kernel of `until` has ended.
std::vector<double> held_until(double until) {
  return in_child([&] {
    const Cluster cluster = build_cluster(test_spec(1), "nvlink_domain");
    Releaser producer;
    TaskGraph graph;
    const int before = graph.add(compute(8, {{0, 10e-6}}));
    producer.key = graph.add(compute(8, {{0, until}}, 1));
    producer.hold = graph.add(Hold{.gpus = {GpuId(0)}}, {before});
    producer.fragments.push_back(graph);
    Engine engine(cluster, {.fidelity = Fidelity::kFluid});
    producer.engine = &engine;
    engine.add(producer);
    engine.run();
    double held = 0;
    for (const Span& span : producer.spans)
      if (span.phase == Phase::kOffload) held += (span.end - span.begin).value;
    return std::vector<double>{producer.end(producer.hold, 0), producer.end(producer.hold, 1),
                               held};
  });
}

TEST(Hold, EndsWhenItsProducerReleasesIt) {
  const auto late = held_until(30e-6);
  EXPECT_NEAR(late[0], 30e-6, 1e-15);
  EXPECT_EQ(late[1], 0);
  EXPECT_NEAR(late[2], 20e-6, 1e-15);
}

TEST(Hold, EndsAtOnceWhereItWasReleasedBefore) {
  const auto early = held_until(5e-6);
  EXPECT_NEAR(early[0], 10e-6, 1e-15);
  EXPECT_EQ(early[2], 0);
}

}  // namespace
}  // namespace moesim
