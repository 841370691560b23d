#include "analysis/format.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "analysis/paint.hpp"

namespace moesim {
namespace {

TEST(Format, KeepsThreeSignificantDigitsAndPicksThePrefix) {
  EXPECT_EQ(format_time(Seconds(0.01234)), "12.3 ms");
  EXPECT_EQ(format_time(Seconds(1.5e-6)), "1.50 µs");
  EXPECT_EQ(format_time(Seconds(2.5e-10)), "0.250 ns");
  EXPECT_EQ(format_time(Seconds(90)), "90.0 s");
  EXPECT_EQ(format_time(Seconds(0)), "0 s");
  EXPECT_EQ(format_bytes(Bytes(4.561e9)), "4.56 GB");
  EXPECT_EQ(format_bytes(Bytes(0)), "0 B");
  EXPECT_EQ(format_rate(BytesPerSecond(450e9)), "450 GB/s");
  EXPECT_EQ(format_count(1234567, "tokens/s"), "1.23 M tokens/s");
  EXPECT_EQ(format_count(42), "42");
  EXPECT_EQ(format_percent(0.2941), "29.4 %");
  EXPECT_EQ(format_percent(0), "0 %");
  EXPECT_EQ(format_error(0.01234), "+1.23 %");
  EXPECT_EQ(format_error(-0.00001), "0.00 %");
}

TEST(Format, RoundsUpIntoTheNextPrefix) {
  EXPECT_EQ(format_bytes(Bytes(999600)), "1.00 MB");
  EXPECT_EQ(format_bytes(Bytes(999400)), "999 kB");
  EXPECT_EQ(format_number(9.996), "10.0");
  EXPECT_EQ(format_number(99.96), "100");
  EXPECT_EQ(format_number(0.09996), "0.100");
  EXPECT_EQ(format_time(Seconds(1e-3)), "1.00 ms");
}

TEST(Format, WritesADashForWhatIsNotDefined) {
  const double undefined = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(format_number(undefined), "–");
  EXPECT_EQ(format_percent(undefined), "–");
  EXPECT_EQ(format_count(undefined, "tokens/s"), "– tokens/s");
}

TEST(Format, HasAPluralForAllButOne) {
  EXPECT_EQ(count_text(0, "GPU"), "0 GPUs");
  EXPECT_EQ(count_text(1, "GPU"), "1 GPU");
  EXPECT_EQ(count_text(1200, "token"), "1200 tokens");
}

TEST(Format, CountsColumnsAndNotBytes) {
  EXPECT_EQ(display_width("µ█–"), 3u);
  EXPECT_EQ(display_width(Paint(true)(Ink::kBold, "ab")), 2u);
  EXPECT_EQ(pad_left("µs", 4), "  µs");
  EXPECT_EQ(pad_right("µs", 4), "µs  ");
}

TEST(Format, WrapsAtBlanks) {
  EXPECT_EQ(wrap("one two three", 8, "  "), "one two\n  three");
  EXPECT_EQ(wrap("abcdefghij kl", 5, ""), "abcdefghij\nkl");
}

TEST(Bar, GrowsInEighths) {
  EXPECT_EQ(bar(0), "");
  EXPECT_EQ(bar(0.125), "▏");
  EXPECT_EQ(bar(2.5), "██▌");
  EXPECT_EQ(bar(0.999), "█");
}

TEST(Paint, AddsNothingWithoutColour) { EXPECT_EQ(Paint(false)(Ink::kYellow, "text"), "text"); }

}  // namespace
}  // namespace moesim
