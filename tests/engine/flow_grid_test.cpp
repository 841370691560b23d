// Flows that are kept as matrices behave as if each were one of its own.
#include "sim/engine/flow_grid.hpp"

#include <gtest/gtest.h>

#include <map>
#include <numeric>

#include "sim/engine/grid_kernels.hpp"
#include "tests/support/fluid_flows.hpp"

namespace moesim {
namespace {

// Flows between the same ports, in batches of their own, which start apart.
std::vector<std::vector<TestFlow>> random_batches(int gpus, std::uint64_t seed, int batches) {
  std::vector<std::vector<TestFlow>> flows;
  for (int batch = 0; batch < batches; ++batch)
    flows.push_back(
        random_port_flows(gpus, 100 * seed + static_cast<std::uint64_t>(batch), 0.7, 3));
  return flows;
}

std::vector<int> range(int first, int count) {
  std::vector<int> range(static_cast<std::size_t>(count));
  std::iota(range.begin(), range.end(), first);
  return range;
}

FlowGrid::Ports ports(int first, int count) {
  return {.links = range(first, count), .gpus = range(0, count)};
}

struct Setting {
  double tolerance = 0;
  double expected = 1;  // seconds for a batch
  bool on_grid = true;
  std::vector<TestFlow> beside;  // in a batch of their own, never on the grid
};

struct PortEnds {
  int flows = 0;
  double last = 0;
};

using Ends = std::map<std::tuple<int, bool, int>, PortEnds>;  // by batch, whether it sends, GPU

// Flows of each port, and when the last of them ended.
Ends by_port(const FlowEnds& told) {
  Ends ends;
  const auto add = [&](int leg, bool sends, int gpu, int flows, Seconds last) {
    PortEnds& port = ends[{leg, sends, gpu}];
    port.flows += flows;
    port.last = std::max(port.last, last.value);
  };
  for (const FlowEnd& end : told.flows) {
    add(end.tag.leg, true, end.tag.source, 1, end.date);
    add(end.tag.leg, false, end.tag.target, 1, end.date);
  }
  for (const FlowGrid::PortEnd& end : told.ports)
    add(end.leg, end.sends, end.gpu, end.flows, end.last);
  return ends;
}

void start_rows(FluidSolver& solver, GridPlane plane, int gpus,
                const std::vector<TestFlow>& flows) {
  for (int source = 0; source < gpus; ++source) {
    std::vector<FlowGrid::Load> row;
    double start = 0;
    for (const TestFlow& flow : flows) {
      if (flow.links[0] != source) continue;
      row.push_back({.column = flow.links[1] - gpus, .bytes = flow.bytes});
      start = flow.start;
    }
    if (!row.empty()) solver.start(plane, source, row, Seconds(start));
  }
  solver.close_plane(plane);
}

void start_alone(FluidSolver& solver, int leg, int batch, int gpus,
                 const std::vector<TestFlow>& flows) {
  for (const TestFlow& flow : flows) {
    const FlowPart part{.bytes = flow.bytes, .target = flow.links[1] - gpus};
    const FlowId id =
        solver.prepare(flow.links, {.leg = leg, .source = flow.links[0], .target = part.target},
                       {&part, 1}, batch);
    solver.start({&id, 1}, Seconds(flow.start));
  }
}

Ends ends_of(int gpus, const std::vector<std::vector<TestFlow>>& batches, const Setting& setting) {
  std::vector<double> capacities;
  for (int port = 0; port < 2 * gpus; ++port) capacities.push_back(1 + 0.1 * (port % 5));
  capacities.push_back(0.5);  // only those beside may cross it
  FluidSolver solver(rates(capacities), setting.tolerance);
  const int grid = solver.add_grid(ports(0, gpus), ports(gpus, gpus));
  const auto few = static_cast<std::size_t>(gpus);
  for (std::size_t leg = 0; leg < batches.size(); ++leg) {
    const int batch = solver.open_batch({.expected = Seconds(setting.expected), .tail = few});
    const int number = static_cast<int>(leg);
    if (setting.on_grid) {
      start_rows(solver, solver.open_plane(grid, number, batch), gpus, batches[leg]);
    } else {
      start_alone(solver, number, batch, gpus, batches[leg]);
    }
  }
  const int beside = solver.open_batch({.expected = Seconds(setting.expected), .tail = few});
  start_alone(solver, static_cast<int>(batches.size()), beside, gpus, setting.beside);
  return by_port(run(solver));
}

void expect_equal(const Ends& ends, const Ends& expected, double error, std::uint64_t seed) {
  ASSERT_EQ(ends.size(), expected.size());
  for (const auto& [port, of] : expected) {
    EXPECT_EQ(ends.at(port).flows, of.flows) << "seed " << seed;
    EXPECT_NEAR(ends.at(port).last, of.last, error * of.last) << "seed " << seed;
  }
}

TEST(FlowGrid, GivesTheDatesOfFlowsOfTheirOwn) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const int gpus = 3 + static_cast<int>(2 * seed);
    const auto batches = random_batches(gpus, seed, 1);
    expect_equal(ends_of(gpus, batches, {}), ends_of(gpus, batches, {.on_grid = false}), 1e-9,
                 seed);
  }
}

TEST(FlowGrid, GivesTheDatesOfFlowsOfTheirOwnWhereBatchesShareThePorts) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const auto batches = random_batches(12, seed, 3);
    expect_equal(ends_of(12, batches, {}), ends_of(12, batches, {.on_grid = false}), 1e-9, seed);
  }
}

TEST(FlowGrid, SharesItsPortsFairlyWithFlowsThatAreNotOnIt) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const int gpus = 9;
    Setting setting;
    for (int flow = 0; flow < 5; ++flow)
      setting.beside.push_back({.links = {flow, gpus + (flow + 3) % gpus, 2 * gpus},
                                .bytes = 0.4 + flow,
                                .start = 0.7 * flow});
    const auto batches = random_batches(gpus, seed, 2);
    const Ends ends = ends_of(gpus, batches, setting);
    setting.on_grid = false;
    expect_equal(ends, ends_of(gpus, batches, setting), 1e-9, seed);
  }
}

TEST(FlowGrid, StaysNearTheExactDatesAndNeverBeatsTheWireWithATolerance) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const int gpus = 24;
    const auto batches = random_batches(gpus, seed, 1);
    const std::vector<double> capacities(2 * gpus, 1);
    const double bound = wire_bound(capacities, batches.front());
    const Ends exact = ends_of(gpus, batches, {});
    const Ends quick = ends_of(gpus, batches, {.tolerance = 0.01, .expected = bound});
    double last = 0, exact_last = 0, squares = 0;
    for (const auto& [port, of] : exact) {
      const double error = quick.at(port).last / of.last - 1;
      squares += error * error;
      last = std::max(last, quick.at(port).last);
      exact_last = std::max(exact_last, of.last);
    }
    EXPECT_NEAR(last, exact_last, 0.003 * exact_last) << "seed " << seed;
    EXPECT_LT(std::sqrt(squares / static_cast<double>(exact.size())), 0.02) << "seed " << seed;
    // No receiver has its bytes before its port can have carried them.
    for (int target = 0; target < gpus; ++target) {
      double bytes = 0;
      for (const TestFlow& flow : batches.front())
        if (flow.links[1] == gpus + target) bytes += flow.bytes;
      if (bytes == 0) continue;
      const double end = quick.at({0, false, target}).last;
      EXPECT_GE(end, bytes / (1 + 0.1 * ((gpus + target) % 5)) * (1 - 1e-9)) << "seed " << seed;
    }
  }
}

TEST(FlowGrid, FillsOnceForAUniformMatrixAlsoWhenItHasATolerance) {
  const int gpus = 32;
  FluidSolver solver(rates(std::vector<double>(2 * gpus, 2)), 0.01);
  const int grid = solver.add_grid(ports(0, gpus), ports(gpus, gpus));
  const int batch = solver.open_batch({.expected = Seconds(46.5)});
  std::vector<TestFlow> flows;
  for (int source = 0; source < gpus; ++source)
    for (int target = 0; target < gpus; ++target)
      if (source != target) flows.push_back({.links = {source, gpus + target}, .bytes = 3});
  start_rows(solver, solver.open_plane(grid, 0, batch), gpus, flows);
  for (const auto& [port, of] : by_port(run(solver))) {
    EXPECT_EQ(of.flows, 31);
    EXPECT_NEAR(of.last, 31 * 3 / 2.0, 1e-9);
  }
  EXPECT_EQ(solver.fills(), 1);
}

// Ports of a grid in the middle of a fill.
struct RandomPorts {
  static constexpr std::size_t kPorts = 48;
  std::vector<std::uint8_t> bits = std::vector<std::uint8_t>(kPorts / kLanes);
  AlignedVector<double> flows, others, capacity, credit, spare, open, levels, left;

  explicit RandomPorts(std::uint64_t seed) {
    Rng rng(seed, Purpose::kRouting);
    for (std::size_t port = 0; port < kPorts; ++port) {
      bits[port / kLanes] |= static_cast<std::uint8_t>(rng.below(2) << (port % kLanes));
      flows.push_back(rng.below(3));
      others.push_back(rng.below(2));
      capacity.push_back(1 + rng.uniform());
      credit.push_back(rng.below(3) == 0 ? 0 : 2 * rng.uniform() - 1);
      spare.push_back(10 * rng.uniform());
      open.push_back(rng.below(9));
      levels.push_back(0.5 + rng.uniform());
      left.push_back(rng.below(4) == 0 ? 0 : 2 * rng.uniform() - 0.2);
    }
  }

  bool widen(const GridKernels& kernels, double window) {
    return kernels.widen(kPorts, FillWindow(window),
                         {.flows = flows.data(),
                          .others = others.data(),
                          .capacity = capacity.data(),
                          .credit = credit.data(),
                          .spare = spare.data()});
  }
  void take(const GridKernels& kernels) {
    kernels.take(kPorts, bits.data(), 0.3, spare.data(), open.data());
  }
  std::vector<int> move(const GridKernels& kernels) {
    std::vector<int> ends(kPorts);
    ends.resize(kernels.move(kPorts, levels.data(), 0.9, 0.7, 0.6, left.data(), ends.data()));
    return ends;
  }
};

TEST(GridKernels, GiveTheSameBitsOnEveryInstructionSet) {
  ASSERT_FALSE(grid_kernels().empty());
  for (const GridKernels& kernels : grid_kernels()) {
    for (const double window : {0.0, 0.37}) {
      RandomPorts ports(7), expected(7);
      EXPECT_EQ(ports.widen(kernels, window), window > 0);
      expected.widen(grid_kernels().back(), window);
      EXPECT_EQ(ports.credit, expected.credit);
      EXPECT_EQ(ports.spare, expected.spare);
    }
    RandomPorts ports(7), expected(7);
    ports.take(kernels);
    expected.take(grid_kernels().back());
    EXPECT_EQ(ports.spare, expected.spare);
    EXPECT_EQ(ports.open, expected.open);
    const std::vector<int> ends = ports.move(kernels);
    EXPECT_EQ(ends, expected.move(grid_kernels().back()));
    EXPECT_EQ(ports.left, expected.left);
    EXPECT_FALSE(ends.empty());
  }
}

TEST(GridKernels, WidenALinkSoThatItsCreditIsUsedUpByTheEndOfTheWindow) {
  for (const GridKernels& kernels : grid_kernels()) {
    RandomPorts ports(3);
    const RandomPorts before(3);
    ports.widen(kernels, 4);
    for (std::size_t port = 0; port < RandomPorts::kPorts; ++port) {
      const bool used = before.flows[port] + before.others[port] > 0;
      const double given = 4 * (ports.spare[port] - before.capacity[port]);
      EXPECT_NEAR(given, used ? before.credit[port] : 0, 1e-12);
      EXPECT_NEAR(ports.credit[port], 0, 1e-12);
    }
    // Half of the capacity at most.
    ports.credit.front() = 100;
    ports.flows.front() = 1;
    ports.widen(kernels, 4);
    EXPECT_DOUBLE_EQ(ports.spare.front(), 1.5 * ports.capacity.front());
    EXPECT_DOUBLE_EQ(ports.credit.front(), 100 - 2 * ports.capacity.front());
  }
}

}  // namespace
}  // namespace moesim
