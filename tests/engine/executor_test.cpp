#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>

#include "sim/base/check.hpp"
#include "tests/support/engine_runs.hpp"

namespace moesim {
namespace {

class Executor : public ::testing::Test {
 protected:
  Cluster cluster = build_cluster(test_spec(1), "nvlink_domain");
};

TEST_F(Executor, RunsKernelsOfOneStreamOneAfterTheOtherAndOtherStreamsBeside) {
  TaskGraph graph;
  graph.add(compute(8, {{0, 10e-6}}));
  graph.add(compute(8, {{0, 20e-6}}));
  const int beside = graph.add(compute(8, {{0, 25e-6}}, 1));
  const int last = graph.add(compute(8, {{0, 1e-6}}), {0, 1, beside});
  EXPECT_NEAR(run_alone(cluster, kExact, graph, 1)[0], 30e-6, 1e-18);
  EXPECT_NEAR(run_alone(cluster, kExact, graph, beside)[0], 25e-6, 1e-18);
  EXPECT_NEAR(run_alone(cluster, kExact, graph, last)[0], 31e-6, 1e-18);
}

TEST_F(Executor, StartsAFragmentOnAGpuWhenTheOneBeforeHasEndedThere) {
  const auto ends = in_child([&] {
    RecordingProducer producer;
    for (int fragment = 0; fragment < 3; ++fragment)
      producer.fragments.push_back({.nodes = {{compute(8, {{0, 10e-6}, {1, 1e-6}}), {}}}});
    producer.fragments.insert(producer.fragments.begin() + 1, TaskGraph{});
    Engine engine(cluster, kExact);
    engine.add(producer);
    const double total = engine.run().value;
    std::vector<double> numbers = {producer.end(0, 0, 3), producer.end(0, 1, 3), total,
                                   static_cast<double>(producer.in_order)};
    numbers.insert(numbers.end(), producer.fragment_ends.begin(), producer.fragment_ends.end());
    return numbers;
  });
  const std::vector<double> expected = {30e-6, 3e-6, 30e-6, 1, 10e-6, 10e-6, 20e-6, 30e-6};
  ASSERT_EQ(ends.size(), expected.size());
  for (std::size_t at = 0; at < ends.size(); ++at) EXPECT_NEAR(ends[at], expected[at], 1e-15);
}

// The second fragment's first node waits for 10 us of the first fragment, not for the 50 us beside
// it; its other node, which names nothing, waits for all.
TEST_F(Executor, LetsANodeFollowASingleNodeOfTheFragmentBefore) {
  const auto ends = in_child([&] {
    RecordingProducer producer;
    TaskGraph first, second;
    first.add(compute(8, {{0, 10e-6}}));
    first.add(compute(8, {{0, 50e-6}}, 1));
    second.add(compute(8, {{0, 5e-6}}));
    second.nodes.back().after_previous = {0};
    second.add(compute(8, {{0, 1e-6}}), {0});
    second.add(compute(8, {{0, 2e-6}}));
    producer.fragments = {first, second, second};
    Engine engine(cluster, kExact);
    engine.add(producer);
    engine.run();
    return std::vector<double>{producer.end(0, 0, 1), producer.end(1, 0, 1),
                               producer.end(2, 0, 1), producer.end(0, 0, 2),
                               producer.end(2, 0, 2), producer.fragment_ends[0]};
  });
  const std::vector<double> expected = {15e-6, 16e-6, 52e-6, 21e-6, 54e-6, 50e-6};
  ASSERT_EQ(ends.size(), expected.size());
  for (std::size_t at = 0; at < ends.size(); ++at) EXPECT_NEAR(ends[at], expected[at], 1e-15) << at;
}

TEST_F(Executor, SharesALinkBetweenTwoProducers) {
  // Both send 9 MB from 0 to 1: 20 us alone, 40 us together.
  const auto ends = in_child([&] {
    RecordingProducer first, second;
    for (RecordingProducer* producer : {&first, &second}) {
      TaskGraph graph;
      graph.add(Transfer{.source = GpuId(0), .target = GpuId(1), .size = Bytes(9e6)});
      producer->fragments.push_back(graph);
    }
    Engine engine(cluster, kExact);
    engine.add(first);
    engine.add(second);
    engine.run();
    return std::vector<double>{first.end(0, 1), second.end(0, 1)};
  });
  const double latency = cluster.route(GpuId(0), GpuId(1), RouteRule::kDirect).latency.value;
  ASSERT_EQ(ends.size(), 2u);
  EXPECT_NEAR(ends[0], latency + 40e-6, 1e-15);
  EXPECT_NEAR(ends[1], latency + 40e-6, 1e-15);
}

TEST_F(Executor, RunsAgainForAProducerThatIsAddedLater) {
  const auto numbers = in_child([&] {
    RecordingProducer first, second;
    first.fragments.push_back({.nodes = {{compute(8, {{0, 10e-6}}), {}}}});
    second.fragments.push_back({.nodes = {{compute(8, {{0, 5e-6}}), {}}}});
    Engine engine(cluster, kExact);
    engine.add(first);
    const double one = engine.run().value;
    engine.add(second);
    const double two = engine.run().value;
    return std::vector<double>{one, two, second.end(0, 0)};
  });
  ASSERT_EQ(numbers.size(), 3u);
  EXPECT_NEAR(numbers[0], 10e-6, 1e-18);
  EXPECT_NEAR(numbers[1], 5e-6, 1e-18);
  EXPECT_NEAR(numbers[2], 15e-6, 1e-18);
}

TEST_F(Executor, ChangesItsNetworkBetweenTwoRuns) {
  // 9 MB and 4.5 MB from 0: 30 us for everybody by the bound, 20 us for the shorter one as flows.
  const auto ends = in_child([&] {
    RecordingProducer first, second;
    for (RecordingProducer* producer : {&first, &second})
      producer->fragments.push_back(
          exchange_graph({.legs = {{.bytes = matrix_of(8, {{0, 1, 9e6}, {0, 2, 4.5e6}})}}}));
    Engine engine(cluster, {.fidelity = Fidelity::kAnalytic});
    engine.add(first);
    const double begin = engine.run().value;
    engine.change_network({.fidelity = Fidelity::kAggregated});
    engine.change_network(kExact);
    engine.add(second);
    engine.run();
    return std::vector<double>{first.end(0, 2), second.end(0, 2) - begin};
  });
  const double latency = cluster.route(GpuId(0), GpuId(1), RouteRule::kDirect).latency.value;
  ASSERT_EQ(ends.size(), 2u);
  EXPECT_NEAR(ends[0], latency + 30e-6, 1e-15);
  EXPECT_NEAR(ends[1], latency + 20e-6, 1e-15);
}

// Layers of random kernels on two streams and skewed exchanges with everything switched on.
TaskGraph random_layer(int gpus, std::uint64_t seed) {
  Rng rng(seed, Purpose::kJitter);
  const auto kernel = [&](int stream) {
    Compute compute{.time = IdVector<GpuId, KernelTime>(gpus), .stream = stream};
    for (KernelTime& time : compute.time)
      time = {.compute = Seconds(50e-6 * rng.uniform()), .memory = Seconds(20e-6 * rng.uniform())};
    return compute;
  };
  Exchange exchange;
  exchange.legs.push_back({.bytes = skewed_matrix(gpus, seed, 0.6, 1e6)});
  exchange.start_up = Seconds(5e-6);
  exchange.rendezvous = seed % 2 == 0;
  exchange.notify = Seconds(3e-6);
  exchange.signals = seed % 3 == 0;
  exchange.sms = 20;
  TaskGraph graph;
  const int attention = graph.add(kernel(0));
  const int dispatch = graph.add(exchange, {attention});
  const int shared = graph.add(kernel(1), {attention});
  const int experts = graph.add(kernel(0), {dispatch});
  graph.add(exchange, {experts, shared});
  return graph;
}

RecordingProducer run_layers(const Cluster& cluster, const NetworkOptions& options, int layers) {
  RecordingProducer producer;
  for (int layer = 0; layer < layers; ++layer)
    producer.fragments.push_back(
        random_layer(cluster.gpus(), static_cast<std::uint64_t>(layer + 1)));
  Engine engine(cluster, options);
  engine.add(producer);
  engine.run();
  return producer;
}

TEST_F(Executor, NeverRunsTwoKernelsOfAStreamAtOnceAndTellsAllInOrder) {
  const auto numbers = in_child([&] {
    RecordingProducer producer = run_layers(cluster, kExact, 12);
    std::sort(producer.spans.begin(), producer.spans.end(), [](const Span& a, const Span& b) {
      return std::tie(a.gpu, a.stream, a.begin) < std::tie(b.gpu, b.stream, b.begin);
    });
    int overlaps = 0, kernels = 0;
    for (std::size_t at = 1; at < producer.spans.size(); ++at) {
      const Span &before = producer.spans[at - 1], &after = producer.spans[at];
      if (after.stream < 0 || before.gpu != after.gpu || before.stream != after.stream) continue;
      ++kernels;
      overlaps += after.begin < before.end;
    }
    return std::vector<double>{static_cast<double>(overlaps), static_cast<double>(kernels),
                               static_cast<double>(producer.in_order)};
  });
  ASSERT_EQ(numbers.size(), 3u);
  EXPECT_EQ(numbers[0], 0);
  EXPECT_GT(numbers[1], 8 * 20);
  EXPECT_EQ(numbers[2], 1);
}

TEST_F(Executor, GivesTheSameBytesTwice) {
  for (const Fidelity fidelity : {Fidelity::kPairwise, Fidelity::kFluid, Fidelity::kAggregated}) {
    const auto run = [&] {
      const RecordingProducer producer =
          run_layers(cluster, {.fidelity = fidelity, .tolerance = 0.01}, 6);
      std::vector<double> numbers;
      for (const auto& [key, end] : producer.ends) numbers.push_back(end);
      for (const Span& span : producer.spans) numbers.push_back(span.end.value);
      return numbers;
    };
    const std::vector<double> once = in_child(run);
    EXPECT_EQ(once, in_child(run));
    EXPECT_GT(once.size(), 6u * 5 * 8);
  }
}

// Makes layers as they are asked for, and looks at the process's memory half way and at the end.
class EndlessProducer final : public RecordingProducer {
 public:
  EndlessProducer(int gpus, int layers) : gpus_(gpus), layers_(layers) {}
  std::optional<TaskGraph> next() final {
    if (given_ == layers_) return std::nullopt;
    return random_layer(gpus_, static_cast<std::uint64_t>(++given_ % 7 + 1));
  }
  void done(int, int, GpuId, Seconds) final {}
  void span(const Span&) final {}
  void fragment_done(int fragment, Seconds) final {
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    if (fragment == layers_ / 4) early_kilobytes = usage.ru_maxrss;
    late_kilobytes = usage.ru_maxrss;
  }
  long early_kilobytes = 0, late_kilobytes = 0;

 private:
  int gpus_ = 0, layers_ = 0, given_ = 0;
};

TEST(ExecutorMemory, StaysFlatOverLayers) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer keeps freed memory";
#endif
  const Cluster cluster = build_cluster(test_spec(2), "rail_optimized");
  const auto kilobytes = in_child([&] {
    EndlessProducer producer(16, 400);
    Engine engine(cluster, {.fidelity = Fidelity::kFluid, .tolerance = 0.01});
    engine.add(producer);
    engine.run();
    return std::vector<double>{static_cast<double>(producer.early_kilobytes),
                               static_cast<double>(producer.late_kilobytes)};
  });
  ASSERT_EQ(kilobytes.size(), 2u);
  EXPECT_LT(kilobytes[1], kilobytes[0] + 512);
}

TEST(ExecutorOptions, RefusesPairwiseAboveItsLimitUnlessForced) {
  const Cluster cluster = build_cluster(test_spec(17), "rail_optimized");
  EXPECT_THROW(Engine(cluster, {.fidelity = Fidelity::kPairwise}), InputError);
  const auto forced = in_child([&] {
    RecordingProducer producer;
    producer.fragments.push_back(
        exchange_graph({.legs = {{.bytes = matrix_of(136, {{0, 1, 9e6}})}}}));
    Engine engine(cluster, {.fidelity = Fidelity::kPairwise, .force = true});
    engine.add(producer);
    return std::vector<double>{engine.run().value};
  });
  ASSERT_EQ(forced.size(), 1u);
  const double latency = cluster.route(GpuId(0), GpuId(1), RouteRule::kDirect).latency.value;
  EXPECT_NEAR(forced[0], latency + 20e-6, 1e-15);
}

}  // namespace
}  // namespace moesim
