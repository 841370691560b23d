#include "sim/calibration/backward_cost.hpp"

#include <gtest/gtest.h>

#include "tests/calibration/cost_models.hpp"
#include "tests/support/flop_counter.hpp"

namespace moesim {
namespace {

// Remembers the products that it is asked for.
class Products final : public FlopCounter {
 public:
  KernelTime gemm(const GemmWork& work) const override {
    asked.push_back(work);
    return FlopCounter::gemm(work);
  }
  mutable std::vector<GemmWork> asked;
};

void expect_shape(const GemmWork& work, double m, double n, double k, double groups) {
  EXPECT_DOUBLE_EQ(work.m, m);
  EXPECT_DOUBLE_EQ(work.n, n);
  EXPECT_DOUBLE_EQ(work.k, k);
  EXPECT_DOUBLE_EQ(work.groups, groups);
}

TEST(BackwardCost, SwapsTheSidesOfAProductForTheGradientOfItsInput) {
  const Products forward;
  InputGradientCost(forward, false).gemm({.m = 5, .n = 7, .k = 9});
  ASSERT_EQ(forward.asked.size(), 1u);
  expect_shape(forward.asked[0], 5, 9, 7, 1);
  EXPECT_DOUBLE_EQ(forward.asked[0].result_bytes, 2);
}

// dW of 7 × 9 sums over 5 rows; sums of 4 bytes are read and written.
TEST(BackwardCost, SumsOverTheRowsForTheGradientOfWeights) {
  const Products forward;
  WeightGradientCost(forward, 4).gemm({.m = 5, .n = 7, .k = 9});
  ASSERT_EQ(forward.asked.size(), 1u);
  expect_shape(forward.asked[0], 7, 9, 5, 1);
  EXPECT_DOUBLE_EQ(forward.asked[0].result_bytes, 8);
}

// 5 · 9 values of the input are read at 16 bits and written at 8.
TEST(BackwardCost, QuantisesTheInputAgainForTheGradientOfWeights) {
  const FlopCounter forward;
  const WeightGradientCost weight(forward, 4);
  EXPECT_DOUBLE_EQ(weight.gemm({.m = 5, .n = 7, .k = 9, .dtype = DType::kFp8}).memory.value, 135);
  EXPECT_DOUBLE_EQ(weight.gemm({.m = 5, .n = 7, .k = 9}).memory.value, 0);
}

// Two of the three experts have rows, 4 on the mean: gate and up are one product of 8 → 4, down one
// of 2 → 8.
TEST(BackwardCost, ContractsOverTheRowsOfAnExpertForTheGradientsOfItsWeights) {
  const Products forward;
  const std::vector<int> rows = {3, 0, 5};
  WeightGradientCost(forward, 4).experts({.hidden = 8, .width = 2, .tokens = rows});
  ASSERT_EQ(forward.asked.size(), 2u);
  expect_shape(forward.asked[0], 4, 8, 4, 2);
  expect_shape(forward.asked[1], 8, 2, 4, 2);
  for (const GemmWork& work : forward.asked) EXPECT_DOUBLE_EQ(work.result_bytes, 8);
}

// 16 rows of an expert of 2 · 4096 · 1024 values: beside 32-bit sums, which are 8 bytes for each of
// the weight's two, operands are next to nothing.
TEST(BackwardCost, MovesSumsAndNoWeightsForTheGradientOfWeights) {
  const auto cost = make_cost_model(std::vector<Calibration>{}, round_gpu());
  const double weights = 2.0 * 4096 * 1024;
  const std::vector<int> rows = {16};
  const ExpertWork work{.hidden = 4096, .width = 1024, .matrices = 2, .tokens = rows};
  const double operands = 16 * 2 * 2 * (4096.0 + 1024);
  EXPECT_NEAR(WeightGradientCost(*cost, 4).experts(work).total().value,
              (8 * weights + operands) / 1e12, 1e-12);
  EXPECT_NEAR(cost->experts(work).total().value, (2 * weights + 4.0 * 16 * 4096) / 1e12, 1e-12);
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
  // Gate and up of 7 rows are read again, and both have a gradient that is written.
  EXPECT_DOUBLE_EQ(input.experts(experts).memory.value, 7 * 2 * 2 * 2);
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
