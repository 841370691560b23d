#include <gtest/gtest.h>

#include "sim/base/random.hpp"
#include "sim/engine/route_fans.hpp"
#include "sim/engine/route_sums.hpp"
#include "tests/support/clusters.hpp"

namespace moesim {
namespace {

constexpr RouteRule kRules[] = {RouteRule::kDirect, RouteRule::kPxn, RouteRule::kSourceRail};

std::vector<Cluster> clusters() {
  ClusterSpec shared_nics = test_spec(2);
  shared_nics.nics_per_node = 4;
  shared_nics.nvlink_bandwidth = BytesPerSecond(0);
  return {build_cluster(test_spec(4), "rail_optimized"),
          build_cluster(test_spec(3), "{kind: fat_tree, oversubscription: 4}"),
          build_cluster(test_spec(1), "nvlink_domain"), build_cluster(shared_nics, "pcie")};
}

// A third of the pairs have nothing to send.
std::vector<double> random_row(int targets, Rng& rng) {
  std::vector<double> bytes;
  for (int target = 0; target < targets; ++target)
    bytes.push_back(rng.below(3) == 0 ? 0 : 1 + rng.below(1000));
  return bytes;
}

// Pair by pair.
void add_pairs(const Cluster& cluster, GpuId source, RouteRule rule,
               const std::vector<double>& bytes, RouteSums::Totals& totals) {
  for (const GpuId target : IdRange<GpuId>(cluster.gpus())) {
    if (target == source || bytes[target.index()] == 0) continue;
    const Route route = cluster.route(source, target, rule);
    auto& used = cluster.same_domain(source, target) ? totals.local : totals.network;
    for (int hop = 0; hop < route.count; ++hop)
      used[route.links[static_cast<std::size_t>(hop)]] += bytes[target.index()];
    if (route.crosses_spine) totals.spine += bytes[target.index()];
    totals.latency = std::max(totals.latency, route.latency);
  }
}

TEST(RouteSums, AddUpWhatThePairsPutOnEachLink) {
  Rng rng(1, Purpose::kRouting);
  for (const Cluster& cluster : clusters()) {
    RouteSums sums(cluster);
    for (const RouteRule rule : kRules) {
      RouteSums::Totals totals(cluster.links().size()), expected(cluster.links().size());
      for (int twice = 0; twice < 2; ++twice)  // the second time from what was kept
        for (const GpuId source : IdRange<GpuId>(cluster.gpus())) {
          const std::vector<double> bytes = random_row(cluster.gpus(), rng);
          sums.add(source, rule, bytes, totals);
          add_pairs(cluster, source, rule, bytes, expected);
        }
      EXPECT_EQ(totals.local, expected.local);  // whole bytes: no rounding
      EXPECT_EQ(totals.network, expected.network);
      EXPECT_EQ(totals.spine, expected.spine);
      EXPECT_EQ(totals.latency, expected.latency);
    }
  }
}

TEST(RouteSums, TakeTheLatencyOfRoutesThatCarrySomethingOnly) {
  const Cluster cluster = build_cluster(test_spec(2), "rail_optimized");
  RouteSums sums(cluster);
  RouteSums::Totals totals(cluster.links().size());
  std::vector<double> bytes(16, 0);
  bytes[0] = 5;  // to itself
  sums.add(GpuId(0), RouteRule::kDirect, bytes, totals);
  EXPECT_EQ(totals.latency, Seconds(0));
  bytes[3] = 1;
  sums.add(GpuId(0), RouteRule::kDirect, bytes, totals);
  EXPECT_EQ(totals.latency, cluster.route(GpuId(0), GpuId(3), RouteRule::kDirect).latency);
}

TEST(RouteFans, GiveEachRouteAsATrunkAndAPort) {
  for (const Cluster& cluster : clusters()) {
    RouteFans fans(cluster);
    for (const RouteRule rule : kRules)
      for (const GpuId source : IdRange<GpuId>(cluster.gpus())) {
        const RouteFan& fan = fans.of(source, rule);
        for (const GpuId target : fan.branches.ids()) {
          if (target == source) continue;
          const Route route = cluster.route(source, target, rule);
          const RouteFan::Trunk& trunk =
              fan.trunks[static_cast<std::size_t>(fan.branches[target].trunk)];
          std::vector<int> links = trunk.links;
          links.push_back(fan.branches[target].port);
          ASSERT_EQ(links.size(), static_cast<std::size_t>(route.count));
          for (std::size_t hop = 0; hop < links.size(); ++hop)
            EXPECT_EQ(links[hop], route.links[hop].value);
          EXPECT_EQ(trunk.latency, route.latency);
          EXPECT_EQ(trunk.crosses_spine, route.crosses_spine);
        }
      }
  }
}

TEST(RouteFans, ShareATrunkBetweenTargetsThatAreAsFarAway) {
  // From GPU 0 of 4 nodes of 8: over NVLink, to its own rail, and over a spine that is never full.
  const Cluster cluster = build_cluster(test_spec(4), "rail_optimized");
  RouteFans fans(cluster);
  const RouteFan& fan = fans.of(GpuId(0), RouteRule::kDirect);
  const auto trunk = [&](int target) { return fan.branches[GpuId(target)].trunk; };
  EXPECT_EQ(trunk(1), trunk(7));
  EXPECT_EQ(trunk(8), trunk(24));
  EXPECT_EQ(trunk(9), trunk(26));
  EXPECT_NE(trunk(8), trunk(9));
  EXPECT_EQ(fan.trunks.size(), 3u);
}

}  // namespace
}  // namespace moesim
