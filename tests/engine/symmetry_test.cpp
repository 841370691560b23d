// Symmetric traffic: which shifts of GPUs a cluster has, and that folded legs give the answer of
// all their flows.
#include "sim/engine/symmetry.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/engine_runs.hpp"

namespace moesim {
namespace {

std::vector<std::pair<int, int>> shifts_of(const Cluster& cluster) {
  std::vector<std::pair<int, int>> shifts;
  for (const Renaming& renaming : renamings_of(cluster))
    shifts.emplace_back(renaming.shift.stride, renaming.shift.block);
  return shifts;
}

using Shifts = std::vector<std::pair<int, int>>;

TEST(Renamings, TurnTheGpusOfOneSwitchIntoEachOther) {
  EXPECT_EQ(shifts_of(build_cluster(test_spec(1), "rail_optimized")), (Shifts{{1, 8}}));
}

TEST(Renamings, TurnRailsNodesAndPodsSeparately) {
  EXPECT_EQ(shifts_of(build_cluster(test_spec(4), "rail_optimized")), (Shifts{{1, 8}, {8, 32}}));
  EXPECT_EQ(shifts_of(build_cluster(
                test_spec(6), "{kind: rail_optimized, nodes_per_pod: 2, oversubscription: 4}")),
            (Shifts{{1, 8}, {8, 16}, {16, 48}}));
}

TEST(Renamings, KeepGpusTogetherThatShareANic) {
  ClusterSpec spec = test_spec(2);
  spec.nics_per_node = 4;
  EXPECT_EQ(shifts_of(build_cluster(spec, "rail_optimized")), (Shifts{{1, 2}, {2, 8}, {8, 16}}));
}

TEST(Renamings, AreFewerWhereALinkIsSlow) {
  ClusterSpec spec = test_spec(2);
  spec.overrides.links = {{.pattern = "node*.gpu3.nvlink_out", .bandwidth = BytesPerSecond(4e10)}};
  EXPECT_EQ(shifts_of(build_cluster(spec, "rail_optimized")), (Shifts{{8, 16}}));
  spec.overrides.links.front().pattern = "node0.gpu3.nvlink_out";
  EXPECT_EQ(shifts_of(build_cluster(spec, "rail_optimized")), Shifts{});
}

TEST(Renamings, MapRoutesToRoutesUnderEveryRule) {
  const Cluster cluster =
      build_cluster(test_spec(4), "{kind: rail_optimized, nodes_per_pod: 2, oversubscription: 2}");
  for (const Renaming& renaming : renamings_of(cluster)) {
    for (const RouteRule rule : {RouteRule::kDirect, RouteRule::kPxn, RouteRule::kSourceRail}) {
      for (int pair = 0; pair < 32 * 32; ++pair) {
        const GpuId source(pair / 32), target(pair % 32);
        if (source == target) continue;
        const Route route = cluster.route(source, target, rule);
        const Route image = cluster.route(renaming.shift(source), renaming.shift(target), rule);
        ASSERT_EQ(route.count, image.count);
        EXPECT_EQ(route.latency, image.latency);
        for (std::size_t hop = 0; hop < static_cast<std::size_t>(route.count); ++hop)
          EXPECT_EQ(renaming.links[route.links[hop]], image.links[hop]);
      }
    }
  }
}

TEST(Folding, GivesAClassOfLinksTheSameShareOfBandwidthAsItsFlows) {
  const Cluster cluster =
      build_cluster(test_spec(4), "{kind: rail_optimized, nodes_per_pod: 2, oversubscription: 2}");
  const Folding folding(cluster, renamings_of(cluster));
  EXPECT_EQ(folding.size(), 32);
  EXPECT_EQ(folding.firsts(), std::vector<GpuId>{GpuId(0)});
  // 2 pods of 8 leaves have 16 links up; NVLink is out and in of every GPU.
  for (const Link& link : cluster.links()) {
    if (!link.can_fill) continue;  // not part of any route
    const double links = link.kind == LinkKind::kSpine ? 16 : 32;
    EXPECT_DOUBLE_EQ(folding.share(folding.class_of(link.id)), links / 32) << link.name;
  }
}

class FoldedLegs : public ::testing::Test {
 protected:
  // Busy seconds and ends of the GPUs, then what all links carried. After `delay` seconds GPU 3
  // sends something else, unless that is below 0.
  static std::vector<double> outcome(const Cluster& cluster, const Exchange& exchange,
                                     double tolerance, double delay) {
    return in_child([&] {
      RecordingProducer producer, other;
      producer.fragments.push_back(exchange_graph(exchange));
      TaskGraph graph;
      const int kernel = graph.add(compute(cluster.gpus(), {{3, delay}}));
      if (delay > 0)
        graph.add(Transfer{.source = GpuId(3), .target = GpuId(9), .size = Bytes(3e6)}, {kernel});
      other.fragments.push_back(std::move(graph));
      Engine engine(cluster, {.fidelity = Fidelity::kFluid, .tolerance = tolerance});
      engine.add(producer);
      engine.add(other);
      engine.run();
      std::vector<double> numbers(static_cast<std::size_t>(cluster.gpus()), 0);
      for (const Span& span : producer.spans)
        numbers[span.gpu.index()] += (span.end - span.begin).value;
      for (int gpu = 0; gpu < cluster.gpus(); ++gpu) numbers.push_back(producer.end(0, gpu));
      const LinkUse& use = engine.link_uses()[static_cast<std::size_t>(exchange.phase)];
      numbers.insert(numbers.end(), use.wire_bytes.begin(), use.wire_bytes.end());
      numbers.insert(numbers.end(), use.bytes.begin(), use.bytes.end());
      numbers.push_back(use.spine_bytes);
      return numbers;
    });
  }

  // Compares with traffic that is too uneven to be folded, by a ten-millionth of a ten-thousandth.
  static void expect_same(const Cluster& cluster, Exchange exchange, double tolerance = 0,
                          double delay = -1) {
    const auto folded = outcome(cluster, exchange, tolerance, delay);
    exchange.legs.front().bytes(GpuId(0), GpuId(1)) *= 1 + 1e-11;
    const auto single = outcome(cluster, exchange, tolerance, delay);
    ASSERT_EQ(folded.size(), single.size());
    for (std::size_t at = 0; at < folded.size(); ++at)
      EXPECT_NEAR(folded[at], single[at], 1e-9 * single[at]) << at;
  }

  static Exchange uniform(const Cluster& cluster, RouteRule rule, int window) {
    return {.legs = {{.bytes = ByteMatrix(cluster.gpus(), cluster.gpus(), 1e6),
                      .network_inflation = 1.1,
                      .local_inflation = 1.3,
                      .rule = rule}},
            .start_up = Seconds(5e-6),
            .schedule = {.window = window}};
  }

  // Depends on the difference of two numbers only, and is 0 for some.
  static Exchange circulant(const Cluster& cluster, int window) {
    Exchange exchange = uniform(cluster, RouteRule::kPxn, window);
    ByteMatrix& bytes = exchange.legs.front().bytes;
    for (const GpuId source : bytes.row_ids())
      for (const GpuId target : bytes.column_ids()) {
        const int difference = (target.value - source.value + cluster.gpus()) % cluster.gpus();
        bytes(source, target) = difference % 5 == 0 ? 0 : 1e5 * (1 + difference % 7);
      }
    return exchange;
  }

  Cluster rails =
      build_cluster(test_spec(4), "{kind: rail_optimized, nodes_per_pod: 2, oversubscription: 3}");
  Cluster one_switch = build_cluster(test_spec(1), "rail_optimized");
};

TEST_F(FoldedLegs, EndLikeAllTheirFlowsUnderEveryRule) {
  for (const RouteRule rule : {RouteRule::kDirect, RouteRule::kPxn, RouteRule::kSourceRail})
    expect_same(rails, uniform(rails, rule, 0));
  expect_same(one_switch, uniform(one_switch, RouteRule::kDirect, 0));
}

TEST_F(FoldedLegs, EndLikeAllTheirFlowsInWindows) {
  for (const int window : {1, 3}) {
    expect_same(rails, uniform(rails, RouteRule::kDirect, window));
    expect_same(one_switch, uniform(one_switch, RouteRule::kDirect, window));
  }
}

TEST_F(FoldedLegs, MayBeUnevenAsLongAsAllGpusAreAlike) {
  expect_same(rails, circulant(rails, 0));
  expect_same(rails, circulant(rails, 4));
}

TEST_F(FoldedLegs, AreBatchedLikeAllTheirFlows) { expect_same(rails, circulant(rails, 0), 0.01); }

TEST_F(FoldedLegs, UnfoldWhenSomethingElseComes) {
  const double end = outcome(rails, circulant(rails, 0), 0, -1)[32];
  for (const double share : {0.001, 0.3, 0.7}) {
    expect_same(rails, circulant(rails, 0), 0, share * end);
    expect_same(rails, circulant(rails, 4), 0, share * end);
    expect_same(rails, uniform(rails, RouteRule::kPxn, 2), 0, share * end);
  }
}

TEST_F(FoldedLegs, AreNotFoldedWhenGpusStartApart) {
  Exchange exchange = uniform(one_switch, RouteRule::kDirect, 0);
  const auto ends = [&](bool even) {
    Exchange here = exchange;
    if (!even) here.legs.front().bytes(GpuId(0), GpuId(1)) *= 1 + 1e-11;
    TaskGraph graph;
    const int kernel = graph.add(compute(8, {{2, 7e-6}, {5, 9e-6}}));
    graph.add(here, {kernel});
    return run_alone(one_switch, {.tolerance = 0}, graph, 1);
  };
  const auto held = ends(true), alone = ends(false);
  for (std::size_t gpu = 0; gpu < held.size(); ++gpu)
    EXPECT_NEAR(held[gpu], alone[gpu], 1e-9 * alone[gpu]);
}

TEST_F(FoldedLegs, ShareLinksWithOtherFoldedLegs) {
  Exchange exchange = circulant(rails, 0);
  exchange.legs.push_back(uniform(rails, RouteRule::kDirect, 0).legs.front());
  expect_same(rails, exchange);
  exchange.coupling = Coupling::kStoreAndForward;
  expect_same(rails, exchange);
}

}  // namespace
}  // namespace moesim
