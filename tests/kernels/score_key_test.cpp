#include "kernels/cuda/score_key.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace moesim::kernels {
namespace {

std::vector<float> many_floats() {
  std::vector<float> values = {0.0f,
                               -0.0f,
                               std::numeric_limits<float>::infinity(),
                               -std::numeric_limits<float>::infinity(),
                               std::numeric_limits<float>::denorm_min(),
                               -std::numeric_limits<float>::denorm_min(),
                               std::numeric_limits<float>::max(),
                               std::numeric_limits<float>::lowest()};
  std::mt19937 generator(1);
  while (values.size() < 1000) {
    const float value = as_float(static_cast<std::uint32_t>(generator()));
    if (!std::isnan(value)) values.push_back(value);
  }
  return values;
}

TEST(ScoreKey, HasTheOrderOfScores) {
  const std::vector<float> values = many_floats();
  for (const float a : values)
    for (const float b : values) {
      ASSERT_EQ(a < b, score_key(a) < score_key(b)) << a << " " << b;
      ASSERT_EQ(a == b, score_key(a) == score_key(b)) << a << " " << b;
    }
}

TEST(ScoreKey, LeadsBackToTheScore) {
  for (const float value : many_floats()) {
    EXPECT_EQ(score_of_key(score_key(value)), value);
    EXPECT_GT(score_key(value), kNoKey);
  }
}

}  // namespace
}  // namespace moesim::kernels
