#include "kernels/collective.hpp"

#include <gtest/gtest.h>

namespace moesim::kernels {
namespace {

// The name puts it among the tests with the label gpu. A wrong result throws.
class Collective : public testing::TestWithParam<CollectiveKind> {};

TEST_P(Collective, GivesTheRightResultAndATime) {
  std::string why;
  const auto world = make_collective_world(&why);
  if (world == nullptr) GTEST_SKIP() << why;
  const std::size_t unit = 4 * static_cast<std::size_t>(world->ranks());
  for (const std::size_t bytes : {unit, 1024 * unit, 262144 * unit})
    EXPECT_GT(world->seconds(GetParam(), bytes, 5), 0);
}

INSTANTIATE_TEST_SUITE_P(Gpu, Collective,
                         testing::Values(CollectiveKind::kAllReduce, CollectiveKind::kAllToAll));

TEST(CollectiveWorld, SaysWhyThereIsNone) {
  std::string why;
  if (make_collective_world(&why) != nullptr) GTEST_SKIP() << "there are two GPUs";
  EXPECT_FALSE(why.empty());
}

}  // namespace
}  // namespace moesim::kernels
