// Micro-batches between a GPU with attention (0) and one with experts (1).
#include <gtest/gtest.h>

#include "sim/overlap/overlap.hpp"
#include "tests/support/engine_runs.hpp"
#include "tests/support/plugin.hpp"

namespace moesim {
namespace {

constexpr double kAttention = 3e-3, kExperts = 2e-3;  // seconds, of a micro-batch in a layer

Part kernel(int gpu, double seconds) {
  PartTimes times(8);
  times[GpuId(gpu)] = {.compute = Seconds(seconds)};
  return {{Compute{.time = std::move(times)}}};
}

Part send(int source, int target) {
  ByteMatrix bytes(8, 8);
  bytes(GpuId(source), GpuId(target)) = 1;  // as good as no time
  return {{Exchange{.legs = {{.bytes = std::move(bytes)}}, .groups = {{GpuId(0), GpuId(1)}}}}};
}

LayerParts layer() {
  return {.layer = 0,
          .attention = kernel(0, kAttention),
          .dispatch = send(0, 1),
          .experts = kernel(1, kExperts),
          .combine = send(1, 0)};
}

// Of so many layers, until all results are back.
double seconds_of(int batches, int layers) {
  const auto overlap = plugin<Overlap>("ping_pong");
  return in_child([&]() -> std::vector<double> {
           RecordingProducer producer;
           Carried carried;
           for (int i = 0; i < layers; ++i)
             producer.fragments.push_back(overlap->build(
                 std::vector<LayerParts>(static_cast<std::size_t>(batches), layer()), carried));
           const Cluster cluster = build_cluster(test_spec(1), "rail_optimized");
           Engine engine(cluster, {});
           engine.add(producer);
           engine.run();
           return {producer.fragment_ends.back()};
         })
      .front();
}

TEST(PingPong, WithOneBatchOneSideWaitsForTheOther) {
  EXPECT_NEAR(seconds_of(1, 5), 5 * (kAttention + kExperts), 1e-4);
}

// The attention is the slower side: it never waits, and at the end the last experts are left.
TEST(PingPong, WithTwoBatchesKeepsTheSlowerSideBusy) {
  EXPECT_NEAR(seconds_of(2, 5), 2 * 5 * kAttention + kExperts, 1e-4);
  EXPECT_NEAR(seconds_of(3, 5), 3 * 5 * kAttention + kExperts, 1e-4);
}

TEST(PingPong, DividesWholeAnswersAndTheTokensOfPrompts) {
  const auto overlap = plugin<Overlap>("{kind: ping_pong, micro_batches: 3}");
  const auto decode = WorkloadPhase::kDecode;
  EXPECT_EQ(overlap->split({.phase = decode, .tokens_per_gpu = 8, .context = 10}).tokens,
            (std::vector<int>{2, 3, 3}));
  EXPECT_EQ(overlap->split({.phase = decode, .tokens_per_gpu = 8, .context = 10, .draft_tokens = 1})
                .tokens,
            (std::vector<int>{2, 2, 4}));
  EXPECT_EQ(overlap->split({.phase = decode, .tokens_per_gpu = 2, .context = 10}).tokens,
            (std::vector<int>{1, 1}));
  EXPECT_EQ(overlap->split({.tokens_per_gpu = 4096, .context = 4096}).tokens,
            (std::vector<int>{1365, 1365, 1366}));
}

}  // namespace
}  // namespace moesim
