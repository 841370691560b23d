#include "analysis/progress.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

namespace moesim {
namespace {

// What a progress line wrote for updates at the given times, 10 steps of 40 more each time.
std::string written(const std::vector<double>& times, bool shown) {
  char* text = nullptr;
  std::size_t size = 0;
  std::FILE* out = open_memstream(&text, &size);
  {
    double now = 0;
    Progress progress("step", shown, out, [&] { return now; });
    int done = 0;
    for (const double time : times) {
      now = time;
      progress.update(done += 10, 40);
    }
  }
  std::fclose(out);
  std::string copy(text, size);
  free(text);
  return copy;
}

TEST(Progress, SaysNothingInTheFirstSecond) { EXPECT_EQ(written({0.2, 0.5, 0.9}, true), ""); }

TEST(Progress, ShowsTheRateAndTheTimeLeftAndErasesItself) {
  EXPECT_EQ(written({2.0}, true),
            "\r\x1b[Kstep █████                10 of 40"
            " · 5.00 per s · 6.00 s left\r\x1b[K");
}

TEST(Progress, IsNotRewrittenMoreThanTenTimesASecond) {
  EXPECT_EQ(written({2.0, 2.05, 2.09}, true), written({2.0}, true));
}

TEST(Progress, WritesNothingWhereItIsNotShown) { EXPECT_EQ(written({2.0, 5.0}, false), ""); }

}  // namespace
}  // namespace moesim
