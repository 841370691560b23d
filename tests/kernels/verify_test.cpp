// The check that a kernel goes through before it is timed finds what it should.
#include <gtest/gtest.h>

#include "kernels/profile/expert_layer.hpp"

namespace moesim::kernels {
namespace {

class VerifyLayer : public ::testing::Test {
 protected:
  Backend backend = make_backend("cpu");
  Backend reference = make_backend("cpu_reference");
  Inputs inputs{1};
  WeightPool weights;
  SharedWorld world;
  Json point = {{"kernel", "experts"},
                {"variant", "usual"},
                {"dtype", "bf16"},
                {"shape",
                 {{"input_tokens", 9},
                  {"hidden", 128},
                  {"width", 64},
                  {"local_experts", 4},
                  {"top_k", 3},
                  {"matrices", 3}}},
                {"rows", {9, 0, 2, 5}}};
  SubjectRequest request{point, backend, reference, inputs, weights, world};

  // The error of a layer whose first expert is `first`, held against that of `claimed`.
  double verify(int first, int claimed) {
    const LayerLoad load = layer_load(request);
    ExpertShape shape = load.shape;
    shape.experts = 8;
    ExpertLayer layer(request, load, weights.get(*backend.device, inputs, shape), first, 0);
    layer.permute();
    layer.ffn();
    layer.unpermute();
    return verify_layer(layer, load, request, claimed);
  }
};

TEST_F(VerifyLayer, PassesTheRightExperts) {
  EXPECT_LT(verify(0, 0), 0.03);
  EXPECT_LT(verify(3, 3), 0.03);
}

TEST_F(VerifyLayer, RefusesTheWeightsOfAnotherExpert) {
  EXPECT_THROW(verify(0, 1), std::runtime_error);
}

TEST_F(VerifyLayer, RefusesWhatHasNotRun) {
  const LayerLoad load = layer_load(request);
  ExpertLayer layer(request, load, weights.get(*backend.device, inputs, load.shape), 0, 0);
  layer.permute();
  EXPECT_THROW(verify_layer(layer, load, request, 0), std::runtime_error);
}

TEST(RelativeError, IsOfTheLargestValueAndInfiniteForNoNumber) {
  const std::vector<float> expected = {1, -4, 2};
  EXPECT_EQ(relative_error(std::vector<float>{1, -3, 2}, expected), 0.25);
  EXPECT_EQ(relative_error(expected, expected), 0);
  EXPECT_TRUE(std::isinf(relative_error(std::vector<float>{1, NAN, 2}, expected)));
}

}  // namespace
}  // namespace moesim::kernels
