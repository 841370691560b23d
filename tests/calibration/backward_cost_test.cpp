#include "sim/calibration/backward_cost.hpp"

#include <gtest/gtest.h>

#include "tests/support/flop_counter.hpp"

namespace moesim {
namespace {

// A product whose time tells its shape.
class ShapeTeller final : public FlopCounter {
 public:
  KernelTime gemm(const GemmWork& work) const override {
    return {.compute = Seconds(work.m + 1e3 * work.n + 1e6 * work.k)};
  }
};

TEST(BackwardCost, SwapsTheSidesOfAProductForTheGradientOfItsInput) {
  const ShapeTeller forward;
  const KernelTime time = InputGradientCost(forward, false).gemm({.m = 5, .n = 7, .k = 9});
  EXPECT_DOUBLE_EQ(time.compute.value, 5 + 9e3 + 7e6);
}

// dW of 7 × 9 sums over 5 rows; 63 sums of 4 bytes are read and written.
TEST(BackwardCost, SumsOverTheRowsForTheGradientOfWeights) {
  const ShapeTeller forward;
  const KernelTime time = WeightGradientCost(forward, 4).gemm({.m = 5, .n = 7, .k = 9});
  EXPECT_DOUBLE_EQ(time.compute.value, 7 + 9e3 + 5e6);
  EXPECT_DOUBLE_EQ(time.memory.value, 63 * 2 * 4);
}

TEST(BackwardCost, HasTwiceTheFlopsOfTheForwardPass) {
  const FlopCounter forward;
  const InputGradientCost input(forward, false);
  const WeightGradientCost weight(forward, 4);
  const GemmWork gemm{.m = 5, .n = 7, .k = 9};
  EXPECT_DOUBLE_EQ((input.gemm(gemm).compute + weight.gemm(gemm).compute).value, 2 * 2 * 315);
  const std::vector<int> rows = {3, 0, 4};
  const ExpertWork experts{.hidden = 8, .width = 2, .tokens = rows};
  EXPECT_DOUBLE_EQ((input.experts(experts).compute + weight.experts(experts).compute).value,
                   2 * (2.0 * 3 * 8 * 2 * 7));
  // Two of the three experts had rows.
  EXPECT_DOUBLE_EQ(weight.experts(experts).memory.value, 2 * 3 * 8 * 2 * 2 * 4);
}

// FlashAttention-2: five products for two.
TEST(BackwardCost, TakesTwoAndAHalfTimesTheAttentionAndNoneOfItForWeights) {
  const FlopCounter forward;
  const AttentionWork work{.kv_read = 10, .flops = 100};
  const KernelTime input = InputGradientCost(forward, false).attention(work);
  EXPECT_DOUBLE_EQ(input.compute.value, 250);
  EXPECT_DOUBLE_EQ(input.memory.value, 25);
  EXPECT_DOUBLE_EQ(WeightGradientCost(forward, 4).attention(work).total().value, 0);
}

// Read and written forward; input, output's gradient and input's gradient backward.
TEST(BackwardCost, PassesOverThreeTensorsWhereForwardHasTwo) {
  const FlopCounter forward;
  EXPECT_DOUBLE_EQ(InputGradientCost(forward, false).memory_pass(Bytes(20)).memory.value, 30);
  EXPECT_DOUBLE_EQ(InputGradientCost(forward, true).memory_pass(Bytes(20)).memory.value, 50);
  EXPECT_DOUBLE_EQ(WeightGradientCost(forward, 4).memory_pass(Bytes(20)).memory.value, 0);
}

}  // namespace
}  // namespace moesim
