#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/calibration/cost_models.hpp"

namespace moesim {
namespace {
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

std::string gemm_with(const std::string& form) {
  return "kernels: [{kernel: gemm, dtype: bf16, form: {" + form + "}}]\n";
}

TEST(Affine, AddsStartUpTokensBytesAndFlops) {
  const auto cost = round_cost(gemm_with(
      "kind: affine, start_up: 5 us, per_token: 10 ns, rate: 500 GB/s, speed: 50 TFLOP/s"));
  // 100×200 times 200×300: 12 MFLOP; 2·(100·200 + 300·200) + 2·100·300 = 220 kB.
  const KernelTime time = cost->gemm({.m = 100, .n = 300, .k = 200, .dtype = DType::kBf16});
  EXPECT_NEAR(1e6 * time.compute.value, 12e6 / 50e12 * 1e6, 1e-12);
  EXPECT_NEAR(1e6 * time.memory.value, 5 + 1 + 220e3 / 500e9 * 1e6, 1e-9);
}

TEST(Roofline, TakesTheLongerOfComputeAndMemory) {
  const auto cost = round_cost(gemm_with(
      "kind: roofline, start_up: 2 us, compute_efficiency: 0.5, memory_efficiency: 0.25"));
  // Many rows: 2·4096³ flops at 50 TFLOP/s.
  const KernelTime large = cost->gemm({.m = 4096, .n = 4096, .k = 4096, .dtype = DType::kBf16});
  EXPECT_NEAR(large.compute.value, 2.0 * 4096 * 4096 * 4096 / 50e12, 1e-9);
  EXPECT_DOUBLE_EQ(large.memory.value, 2e-6);
  // One row: 32 MB of weights at 250 GB/s.
  const KernelTime small = cost->gemm({.m = 1, .n = 4096, .k = 4096, .dtype = DType::kBf16});
  EXPECT_EQ(small.compute.value, 0);
  EXPECT_NEAR(small.memory.value, 2e-6 + 2.0 * (4096 * 4096 + 2 * 4096) / 250e9, 1e-12);
}

TEST(Table, DrawsStraightLinesBetweenItsPoints) {
  const auto cost = round_cost(
      gemm_with("kind: table, axis: tokens, points: [1, 10, 100], times_us: [5, 6, 15]"));
  const auto at = [&](double m) {
    return 1e6 * cost->gemm({.m = m, .n = 8, .k = 8, .dtype = DType::kBf16}).total().value;
  };
  EXPECT_NEAR(at(1), 5, 1e-9);
  EXPECT_NEAR(at(10), 6, 1e-9);
  EXPECT_NEAR(at(55), 10.5, 1e-9);
  EXPECT_NEAR(at(100), 15, 1e-9);
  EXPECT_THAT(cost->warnings(), Not(Contains(HasSubstr("outside"))));
}

TEST(Table, KeepsItsLastPointOutsideAndNamesKernelAndRange) {
  const auto cost = round_cost(
      gemm_with("kind: table, axis: tokens, points: [1, 10, 100], times_us: [5, 6, 15]"));
  const GemmWork large{.m = 1000, .n = 8, .k = 8, .dtype = DType::kBf16};
  EXPECT_NEAR(1e6 * cost->gemm(large).total().value, 15, 1e-9);
  cost->gemm(large);
  EXPECT_THAT(cost->warnings(),
              testing::ElementsAre("gemm bf16: tokens outside 1 to 100, the range that calibration "
                                   "inline was measured on"));
}

TEST(Table, RefusesPointsThatDoNotGrow) {
  EXPECT_THROW(round_cost(gemm_with("kind: table, points: [1, 1], times_us: [5, 6]")), InputError);
  EXPECT_THROW(round_cost(gemm_with("kind: table, points: [1, 2], times_us: [5]")), InputError);
}

}  // namespace
}  // namespace moesim
