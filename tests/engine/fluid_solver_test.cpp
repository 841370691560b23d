#include "sim/engine/fluid_solver.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/support/fluid_flows.hpp"

namespace moesim {
namespace {

// Ends [flows] of flows that start at their own times, and how many fills that took.
struct Outcome {
  std::vector<double> ends;
  std::int64_t fills = 0;
  double last() const { return *std::max_element(ends.begin(), ends.end()); }
};

Outcome solve(const std::vector<double>& capacities, const std::vector<TestFlow>& flows,
              double tolerance = 0, double expected = 1) {
  FluidSolver solver(rates(capacities), tolerance);
  Outcome outcome{.ends = std::vector<double>(flows.size(), -1)};
  const int batch = solver.open_batch({.expected = Seconds(expected), .tail = capacities.size()});
  for (std::size_t at = 0; at < flows.size(); ++at) {
    const FlowPart part{.bytes = flows[at].bytes};
    const FlowId flow =
        solver.prepare(flows[at].links, {.leg = static_cast<int>(at)}, {&part, 1}, batch);
    solver.start({&flow, 1}, Seconds(flows[at].start));
  }
  for (const FlowEnd& end : run(solver).flows)
    outcome.ends[static_cast<std::size_t>(end.tag.leg)] = end.date.value;
  outcome.fills = solver.fills();
  return outcome;
}

// Max-min rates by the definition: raise all unfrozen flows together until a link is full.
std::vector<double> reference_rates(const std::vector<double>& capacities,
                                    const std::vector<TestFlow>& flows,
                                    const std::vector<bool>& active) {
  std::vector<double> rate(flows.size(), 0), spare = capacities;
  std::vector<bool> rising = active;
  while (std::find(rising.begin(), rising.end(), true) != rising.end()) {
    std::vector<int> users(capacities.size(), 0);
    for (std::size_t flow = 0; flow < flows.size(); ++flow)
      if (rising[flow])
        for (const int link : flows[flow].links) ++users[static_cast<std::size_t>(link)];
    double raise = kForever.value;
    for (std::size_t link = 0; link < capacities.size(); ++link)
      if (users[link] > 0) raise = std::min(raise, spare[link] / users[link]);
    for (std::size_t link = 0; link < capacities.size(); ++link) spare[link] -= raise * users[link];
    for (std::size_t flow = 0; flow < flows.size(); ++flow) {
      if (!rising[flow]) continue;
      rate[flow] += raise;
      for (const int link : flows[flow].links) {
        const auto at = static_cast<std::size_t>(link);
        if (spare[at] <= 1e-9 * capacities[at]) rising[flow] = false;
      }
    }
  }
  return rate;
}

std::vector<double> reference_ends(const std::vector<double>& capacities,
                                   const std::vector<TestFlow>& flows) {
  std::vector<double> left(flows.size()), ends(flows.size(), -1);
  std::vector<bool> active(flows.size(), false);
  for (std::size_t flow = 0; flow < flows.size(); ++flow) left[flow] = flows[flow].bytes;
  for (double now = 0;;) {
    double next = kForever.value;
    for (std::size_t flow = 0; flow < flows.size(); ++flow) {
      active[flow] = ends[flow] < 0 && flows[flow].start <= now;
      if (flows[flow].start > now) next = std::min(next, flows[flow].start);
    }
    const std::vector<double> rate = reference_rates(capacities, flows, active);
    for (std::size_t flow = 0; flow < flows.size(); ++flow)
      if (active[flow]) next = std::min(next, now + left[flow] / rate[flow]);
    if (std::isinf(next)) return ends;
    for (std::size_t flow = 0; flow < flows.size(); ++flow) {
      if (!active[flow]) continue;
      left[flow] -= rate[flow] * (next - now);
      if (left[flow] <= 1e-9 * flows[flow].bytes) ends[flow] = next;
    }
    now = next;
  }
}

TEST(FluidSolver, GivesALoneFlowTheWholeOfItsNarrowestLink) {
  const Outcome outcome = solve({10, 4, 20}, {{.links = {0, 1, 2}, .bytes = 8}});
  EXPECT_DOUBLE_EQ(outcome.ends[0], 2);
}

TEST(FluidSolver, SharesALinkEquallyAndGivesTheRestToTheLongerFlow) {
  // 3 and 5 bytes on a link of 2 bytes/s: both at 1 until t = 3, then the second alone at 2.
  const Outcome outcome = solve({2}, {{.links = {0}, .bytes = 3}, {.links = {0}, .bytes = 5}});
  EXPECT_DOUBLE_EQ(outcome.ends[0], 3);
  EXPECT_DOUBLE_EQ(outcome.ends[1], 4);
}

TEST(FluidSolver, GivesWhatAFlowCannotUseToTheOthersOnItsLink) {
  // Link 0 (10) carries a and b; b is held to 2 by link 1, so a gets 8.
  const Outcome outcome =
      solve({10, 2}, {{.links = {0}, .bytes = 8}, {.links = {0, 1}, .bytes = 2}});
  EXPECT_DOUBLE_EQ(outcome.ends[0], 1);
  EXPECT_DOUBLE_EQ(outcome.ends[1], 1);
}

TEST(FluidSolver, AdmitsAFlowThatComesLater) {
  // Alone at 2 until t = 1 (2 of 6 carried), then both at 1: the second (1 byte) ends at 2, the
  // first has 3 left and ends at 3.5.
  const Outcome outcome =
      solve({2}, {{.links = {0}, .bytes = 6}, {.links = {0}, .bytes = 1, .start = 1}});
  EXPECT_DOUBLE_EQ(outcome.ends[1], 2);
  EXPECT_DOUBLE_EQ(outcome.ends[0], 3.5);
}

TEST(FluidSolver, TreatsThePartsOfAFlowAsFlowsOfTheirOwn) {
  // Parts of 2 and 6 bytes beside a flow of 6, on a link of 3: all at 1 until t = 2, then the two
  // that are left at 1.5, until they have carried 4 more.
  FluidSolver solver(rates({3}), 0);
  const std::vector<FlowPart> parts = {{.bytes = 2, .target = 5}, {.bytes = 6, .target = 6}};
  const FlowPart alone{.bytes = 6, .target = 7};
  const int link = 0, batch = solver.open_batch({.expected = Seconds(1), .tail = 1});
  const FlowId flows[] = {solver.prepare({&link, 1}, {}, parts, batch),
                          solver.prepare({&link, 1}, {}, {&alone, 1}, batch)};
  solver.start(flows, Seconds(0));
  const std::vector<FlowEnd> ends = run(solver).flows;
  ASSERT_EQ(ends.size(), 3u);
  EXPECT_EQ(ends[0].tag.target, 5);
  EXPECT_DOUBLE_EQ(ends[0].date.value, 2);
  EXPECT_EQ(ends[1].tag.target + ends[2].tag.target, 6 + 7);
  EXPECT_DOUBLE_EQ(ends[1].date.value, 2 + 4 / 1.5);
  EXPECT_DOUBLE_EQ(ends[2].date.value, 2 + 4 / 1.5);
}

TEST(FluidSolver, TakesWhatQueuesAtALinkFromTheFlowsOnIt) {
  // Parts of 2 and 4 bytes from a link of 1: half each. The first queues at a link of 3, whose own
  // flow of 12 bytes gets 2.5 until t = 4 and has 2 bytes left for all 3. The second, which queues
  // where nobody else is, has 2 bytes left at t = 4 and the sender for itself.
  FluidSolver solver(rates({1, 3, 0.1}), 0);
  const std::vector<FlowPart> parts = {{.bytes = 2, .target = 5, .queue = 1},
                                       {.bytes = 4, .target = 6, .queue = 2}};
  const FlowPart alone{.bytes = 12, .target = 7};
  const int sender = 0, port = 1, batch = solver.open_batch({.expected = Seconds(1), .tail = 1});
  const FlowId flows[] = {solver.prepare({&sender, 1}, {}, parts, batch),
                          solver.prepare({&port, 1}, {}, {&alone, 1}, batch)};
  solver.start(flows, Seconds(0));
  const std::vector<FlowEnd> ends = run(solver).flows;
  ASSERT_EQ(ends.size(), 3u);
  EXPECT_EQ(ends[0].tag.target, 5);
  EXPECT_DOUBLE_EQ(ends[0].date.value, 4);
  EXPECT_EQ(ends[0].port, 1);
  EXPECT_EQ(ends[1].tag.target, 7);
  EXPECT_DOUBLE_EQ(ends[1].date.value, 4 + 2.0 / 3);
  EXPECT_EQ(ends[2].tag.target, 6);
  EXPECT_DOUBLE_EQ(ends[2].date.value, 6);
  EXPECT_EQ(ends[2].port, 2);
}

TEST(FluidSolver, MatchesProgressiveFillingOnRandomExchangesThatStartApart) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const int gpus = 3 + static_cast<int>(seed % 6);
    const std::vector<double> capacities(2 * static_cast<std::size_t>(gpus), 1);
    const std::vector<TestFlow> flows = random_port_flows(gpus, seed, 0.7, 2);
    const std::vector<double> expected = reference_ends(capacities, flows);
    const Outcome outcome = solve(capacities, flows);
    for (std::size_t flow = 0; flow < flows.size(); ++flow)
      EXPECT_NEAR(outcome.ends[flow], expected[flow], 1e-7 * expected[flow]) << "seed " << seed;
  }
}

TEST(FluidSolver, StaysWithinItsToleranceOfTheExactEndAndNeverBeatsTheWire) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const int gpus = 24;
    const std::vector<double> capacities(2 * gpus, 1);
    const std::vector<TestFlow> flows = random_port_flows(gpus, seed, 0.5, seed % 2 == 0 ? 10 : 0);
    const double bound = wire_bound(capacities, flows);
    const Outcome exact = solve(capacities, flows);
    const Outcome quick = solve(capacities, flows, 0.01, bound);
    EXPECT_NEAR(quick.last(), exact.last(), 0.01 * exact.last()) << "seed " << seed;
    EXPECT_GE(quick.last(), bound * (1 - 1e-9));
    EXPECT_LT(quick.fills * 2, exact.fills);
  }
}

TEST(FluidSolver, FillsOnceForAUniformMatrix) {
  const int gpus = 32;
  std::vector<TestFlow> flows;
  for (int source = 0; source < gpus; ++source)
    for (int target = 0; target < gpus; ++target)
      if (source != target) flows.push_back({.links = {source, gpus + target}, .bytes = 3});
  const Outcome outcome = solve(std::vector<double>(2 * gpus, 2), flows);
  EXPECT_EQ(outcome.fills, 1);
  for (const double end : outcome.ends) EXPECT_NEAR(end, 31 * 3 / 2.0, 1e-9);
}

TEST(FluidSolver, NeverLetsAFlowEndEarlierBecauseAnotherSharesItsLink) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Rng rng(seed, Purpose::kRouting);
    std::vector<TestFlow> flows;
    for (int flow = 0; flow < 12; ++flow)
      flows.push_back({.links = {0}, .bytes = 0.1 + rng.uniform(), .start = 3 * rng.uniform()});
    const Outcome more = solve({1}, flows);
    const TestFlow dropped = flows.back();
    flows.pop_back();
    const Outcome fewer = solve({1}, flows);
    for (std::size_t flow = 0; flow < flows.size(); ++flow)
      EXPECT_GE(more.ends[flow], fewer.ends[flow] * (1 - 1e-12)) << seed;
    EXPECT_GE(more.ends.back(), dropped.start + dropped.bytes);
  }
}

TEST(FluidSolver, NeverCarriesMoreThanALinkCanWhenFlowsArriveInsideAWindow) {
  // A window is 1 s here: 5 % of the 20 s that the batch is expected to take. What the flows that
  // come inside one are given at once, the link owes.
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Rng rng(seed, Purpose::kRouting);
    std::vector<TestFlow> flows;
    double bytes = 0;
    for (int flow = 0; flow < 40; ++flow) {
      flows.push_back({.links = {0}, .bytes = 0.2 + rng.uniform(), .start = 10 * rng.uniform()});
      bytes += flows.back().bytes;
    }
    flows.front().start = 0;
    EXPECT_GE(solve({1}, flows, 0.05, 20).last(), bytes * (1 - 1e-9)) << seed;
  }
}

TEST(FluidSolver, FillsOnceForEachDistinctRateOfTwoKindsOfReceivers) {
  // 32 ports; flows to the slow half of the receivers (rate 1/31) and to the fast half.
  const int gpus = 32;
  std::vector<double> capacities(2 * gpus, 1);
  for (int target = 0; target < gpus / 2; ++target)
    capacities[static_cast<std::size_t>(gpus + target)] = 0.5;
  std::vector<TestFlow> flows;
  for (int source = 0; source < gpus; ++source)
    for (int target = 0; target < gpus; ++target)
      if (source != target) flows.push_back({.links = {source, gpus + target}, .bytes = 1});
  const Outcome outcome = solve(capacities, flows);
  EXPECT_LE(outcome.fills, 4);
  EXPECT_NEAR(outcome.last(), 31 / 0.5, 1e-9 * 62);
}

}  // namespace
}  // namespace moesim
