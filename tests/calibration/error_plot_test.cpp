#include "sim/calibration/error_plot.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {
using ::testing::HasSubstr;

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++count;
  return count;
}

TEST(ErrorPlot, PutsAPointAtItsPlaceInItsDecades) {
  // 1 µs to 100 µs are two decades of 380: the middle one is measured, 1 µs predicted.
  const std::string svg = error_plot_svg("t", {{"gemm", {1e-5, 1e-4}, {1e-6, 1e-4}}});
  EXPECT_THAT(svg, HasSubstr("<circle cx=\"470.0\" cy=\"820.0\" r=\"2\"/>"));
  EXPECT_THAT(svg, HasSubstr("<circle cx=\"850.0\" cy=\"60.0\" r=\"2\"/>"));
  EXPECT_THAT(svg, HasSubstr(">10 µs</text>"));
  EXPECT_THAT(svg, HasSubstr("gemm: 2 points, mean error 45.0 %"));
  EXPECT_EQ(count_of(svg, "stroke-dasharray"), 2U);
}

TEST(ErrorPlot, GivesEachKernelItsColourAndEscapesNames) {
  const std::string svg =
      error_plot_svg("a < b", {{"one", {1}, {1}}, {"R&D", {2}, {2}}, {"three", {3}, {3}}});
  EXPECT_THAT(svg, HasSubstr("a &lt; b"));
  EXPECT_THAT(svg, HasSubstr("R&amp;D: 1 points"));
  EXPECT_EQ(count_of(svg, "fill-opacity"), 3U);
  EXPECT_THAT(svg, HasSubstr("#D55E00"));
}

TEST(ErrorPlot, DrawsAPartOfVeryManyPointsAndCountsAll) {
  const std::vector<double> many(10000, 1e-3);
  const std::string svg = error_plot_svg("t", {{"k", many, many}});
  EXPECT_EQ(count_of(svg, "r=\"2\""), 2500U);
  EXPECT_THAT(svg, HasSubstr("k: 10000 points"));
}

TEST(ErrorPlot, IsAPageWhereTheNameSaysSo) {
  const std::string page = process_folder() / "plot.html";
  ASSERT_TRUE(write_error_plot(page, "t", {}));
  EXPECT_TRUE(file_text(page).starts_with("<!doctype html>"));
  const std::string picture = process_folder() / "plot.svg";
  ASSERT_TRUE(write_error_plot(picture, "t", {}));
  EXPECT_TRUE(file_text(picture).starts_with("<svg"));
  EXPECT_FALSE(write_error_plot("/nowhere/at/all.svg", "t", {}));
}

}  // namespace
}  // namespace moesim
