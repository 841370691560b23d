#include "kernels/gate_math.hpp"

#include <gtest/gtest.h>

#include "kernels/cpu/score_row.hpp"
#include "tests/kernels/on_backend.hpp"

namespace moesim::kernels {
namespace {

TEST(PortableExp, IsWithinThreeUnitsInTheLastPlace) {
  for (float x = -86.9f; x < 87.9f; x += 0.00371f) {
    const double exact = std::exp(static_cast<double>(x));
    EXPECT_NEAR(portable_exp(x), exact, exact * 3.6e-7) << x;
  }
  EXPECT_EQ(portable_exp(0), 1.0f);
}

TEST(PortableExp, StaysFiniteBeyondItsRange) {
  EXPECT_NEAR(portable_exp(1e9f), std::exp(88.0), std::exp(88.0) * 3.6e-7);
  EXPECT_NEAR(portable_exp(-INFINITY), std::exp(-87.0), std::exp(-87.0) * 3.6e-7);
}

TEST(Softplus, KeepsItsDigitsOnBothSides) {
  for (float z = -80; z < 80; z += 0.0137f) {
    const double exact = std::log1p(std::exp(static_cast<double>(z)));
    EXPECT_NEAR(softplus(z), exact, exact * 6e-7) << z;
  }
}

TEST(Sigmoid, IsWithinAFewUnitsInTheLastPlace) {
  for (float z = -80; z < 80; z += 0.0137f) {
    const double exact = 1 / (1 + std::exp(-static_cast<double>(z)));
    EXPECT_NEAR(sigmoid(z), exact, exact * 6e-7) << z;
  }
}

// The vectorised loop and the plain function round the same: ids are compared exactly.
TEST(ScoreRow, HasTheBitsOfThePlainFunction) {
  const std::vector<float> z = normals(4099, 1, 8), noise = normals(4099, 2, 3);
  const std::vector<float> draws = normals(4099, 3);
  for (const GateKind kind : {GateKind::kSoftmaxThenTopk, GateKind::kSigmoid,
                              GateKind::kSqrtSoftplus, GateKind::kNoisyTopk}) {
    std::vector<float> scores(z.size());
    score_row(kind, z.data(), noise.data(), draws.data(), static_cast<int>(z.size()),
              scores.data());
    for (std::size_t i = 0; i < z.size(); ++i)
      ASSERT_EQ(as_bits(scores[i]), as_bits(gate_score(kind, z[i], noise[i], draws[i]))) << z[i];
  }
}

}  // namespace
}  // namespace moesim::kernels
