#include "sim/engine/part_graph.hpp"

#include <gtest/gtest.h>

#include "tests/support/engine_runs.hpp"

namespace moesim {
namespace {

// A node of two, seen from inside and as the second of two.
TEST(PartGraph, RunsOnItsPartAsItWouldAlone) {
  const auto ends = [](int nodes, GpuId first) {
    return in_child([=] {
      const Cluster cluster = build_cluster(test_spec(nodes), "rail_optimized");
      ByteMatrix bytes(8, 8);
      bytes(GpuId(0), GpuId(5)) = 1e6;
      bytes(GpuId(3), GpuId(2)) = 4e6;
      TaskGraph graph;
      const int kernel = graph.add(compute(8, {{3, 10e-6}}));
      const int exchange = graph.add(
          Exchange{.legs = {{.bytes = bytes}}, .rendezvous = true, .wait_for = WaitFor::kAll},
          {kernel});
      graph.add(Transfer{.source = GpuId(1), .target = GpuId(6), .size = Bytes(1e6)}, {exchange});
      RecordingProducer producer;
      producer.fragments.push_back(graph);
      Engine engine(cluster, kExact);
      engine.add(producer, {first, 8});
      engine.run();
      std::vector<double> times;
      for (int node = 0; node < 3; ++node)
        for (int gpu = 0; gpu < 8; ++gpu) times.push_back(producer.end(node, gpu));
      times.push_back(static_cast<double>(producer.ends.size()));
      for (const Span& span : producer.spans) times.push_back(span.gpu.value);
      return times;
    });
  };
  EXPECT_EQ(ends(2, GpuId(8)), ends(1, GpuId(0)));
}

}  // namespace
}  // namespace moesim
