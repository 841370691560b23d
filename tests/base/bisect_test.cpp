#include "sim/base/bisect.hpp"

#include <gtest/gtest.h>

namespace moesim {
namespace {

TEST(Bisection, FindsTheLastNumberForWhichItHolds) {
  for (int last = 3; last < 12; ++last)
    EXPECT_EQ(last_that_holds(3, 12, [&](int value) { return value <= last; }), last);
}

TEST(Bisection, AsksNeitherForItsBeginNorForItsEnd) {
  const auto refuse = [](int) -> bool { throw 0; };
  EXPECT_EQ(last_that_holds(0, 1, refuse), 0);
  EXPECT_EQ(last_that_holds(0, 0, refuse), 0);
}

}  // namespace
}  // namespace moesim
