#include "sim/calibration/error_plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>

namespace moesim {
namespace {

constexpr double kLeft = 90, kTop = 60, kSide = 760, kRowHeight = 20;
constexpr std::size_t kMostPoints = 3000;  // of a series
// Okabe and Ito's colours, told apart by everybody (their yellow is too light for points), then
// some of Paul Tol's.
constexpr std::array<const char*, 12> kColours = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                                  "#56B4E9", "#E69F00", "#000000", "#882255",
                                                  "#999933", "#332288", "#661100", "#888888"};

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '&')
      result += "&amp;";
    else if (c == '<')
      result += "&lt;";
    else
      result += c;
  }
  return result;
}

std::string time_label(int decade) {
  constexpr std::array<const char*, 4> kUnits = {"ns", "µs", "ms", "s"};
  const int unit = std::clamp(static_cast<int>(std::floor(decade / 3.0)) + 3, 0, 3);
  return fmt::format("{:g} {}", std::pow(10.0, decade - 3 * (unit - 3)),
                     kUnits[static_cast<std::size_t>(unit)]);
}

// Whole decades around every point; both axes have the same.
struct Scale {
  int low = 0, high = 1;

  explicit Scale(const std::vector<ErrorSeries>& series) {
    double least = 1e300, most = 0;
    for (const ErrorSeries& one : series)
      for (const std::vector<double>* values : {&one.measured, &one.predicted})
        for (const double value : *values) {
          least = std::min(least, value);
          most = std::max(most, value);
        }
    if (most <= 0) return;
    low = static_cast<int>(std::floor(std::log10(least)));
    high = std::max(low + 1, static_cast<int>(std::ceil(std::log10(most))));
  }
  double along(double seconds) const { return kSide * (std::log10(seconds) - low) / (high - low); }
  double x(double seconds) const { return kLeft + along(seconds); }
  double y(double seconds) const { return kTop + kSide - along(seconds); }
};

std::string line(double x1, double y1, double x2, double y2, const char* style) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" {}/>\n", x1, y1,
                     x2, y2, style);
}

std::string text(double x, double y, const char* style, const std::string& words) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" {}>{}</text>\n", x, y, style, escaped(words));
}

std::string grid(const Scale& scale) {
  std::string svg;
  for (int decade = scale.low; decade <= scale.high; ++decade) {
    const double at = std::pow(10.0, decade);
    svg += line(scale.x(at), kTop, scale.x(at), kTop + kSide, "stroke=\"#ccc\"");
    svg += line(kLeft, scale.y(at), kLeft + kSide, scale.y(at), "stroke=\"#ccc\"");
    svg += text(scale.x(at), kTop + kSide + 20, "text-anchor=\"middle\"", time_label(decade));
    svg += text(kLeft - 8, scale.y(at) + 4, "text-anchor=\"end\"", time_label(decade));
    for (int part = 2; part < 10 && decade < scale.high; ++part) {
      svg += line(scale.x(part * at), kTop, scale.x(part * at), kTop + kSide, "stroke=\"#eee\"");
      svg += line(kLeft, scale.y(part * at), kLeft + kSide, scale.y(part * at), "stroke=\"#eee\"");
    }
  }
  svg += text(kLeft + kSide / 2, kTop + kSide + 44, "text-anchor=\"middle\"", "measured");
  svg += fmt::format(
      "<text transform=\"translate(24 {:.0f}) rotate(-90)\" text-anchor=\"middle\">predicted"
      "</text>\n",
      kTop + kSide / 2);
  return svg;
}

// y = factor · x, cut at the frame.
std::string ratio_line(const Scale& scale, double factor, const char* style) {
  const double low = std::pow(10.0, scale.low), high = std::pow(10.0, scale.high);
  const double from = std::max(low, low / factor), to = std::min(high, high / factor);
  return line(scale.x(from), scale.y(factor * from), scale.x(to), scale.y(factor * to), style);
}

std::string points(const Scale& scale, const ErrorSeries& series, const char* colour) {
  std::string svg = fmt::format("<g fill=\"{}\" fill-opacity=\"0.35\">\n", colour);
  const std::size_t step = (series.measured.size() + kMostPoints - 1) / kMostPoints;
  for (std::size_t i = 0; i < series.measured.size(); i += step)
    svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2\"/>\n",
                       scale.x(series.measured[i]), scale.y(series.predicted[i]));
  return svg + "</g>\n";
}

std::string legend_row(const ErrorSeries& series, const char* colour, double y) {
  double error = 0;
  for (std::size_t i = 0; i < series.measured.size(); ++i)
    error += std::fabs(series.predicted[i] / series.measured[i] - 1);
  error *= 100 / std::max<double>(1, static_cast<double>(series.measured.size()));
  return fmt::format("<circle cx=\"{:.0f}\" cy=\"{:.1f}\" r=\"5\" fill=\"{}\"/>\n", kLeft + 8,
                     y - 4, colour) +
         text(kLeft + 20, y, "",
              fmt::format("{}: {} points, mean error {:.1f} %", series.name, series.measured.size(),
                          error));
}

}  // namespace

std::string error_plot_svg(const std::string& title, const std::vector<ErrorSeries>& series) {
  const Scale scale(series);
  const double legend = kTop + kSide + 76;
  const double width = kLeft + kSide + 40;
  const double height = legend + kRowHeight * static_cast<double>(series.size());
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
      "viewBox=\"0 0 {0:.0f} {1:.0f}\" font-family=\"sans-serif\" font-size=\"13\">\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
      width, height);
  svg += text(kLeft, 36, "font-size=\"18\"", title) + grid(scale);
  for (std::size_t i = 0; i < series.size(); ++i)
    svg += points(scale, series[i], kColours[i % kColours.size()]);
  svg += ratio_line(scale, 1, "stroke=\"#333\"");
  for (const double factor : {0.9, 1.1})
    svg += ratio_line(scale, factor, "stroke=\"#333\" stroke-dasharray=\"6 4\"");
  svg += fmt::format(
      "<rect x=\"{0:.0f}\" y=\"{1:.0f}\" width=\"{2:.0f}\" height=\"{2:.0f}\" fill=\"none\" "
      "stroke=\"#333\"/>\n",
      kLeft, kTop, kSide);
  svg += text(kLeft + kSide, 36, "text-anchor=\"end\"", "solid: equal, dashed: ± 10 %");
  for (std::size_t i = 0; i < series.size(); ++i)
    svg += legend_row(series[i], kColours[i % kColours.size()],
                      legend + kRowHeight * static_cast<double>(i));
  return svg + "</svg>\n";
}

bool write_error_plot(const std::string& file, const std::string& title,
                      const std::vector<ErrorSeries>& series) {
  std::ofstream out(file);
  const std::string svg = error_plot_svg(title, series);
  if (file.ends_with(".html"))
    out << "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>" << escaped(title)
        << "</title>\n"
        << svg << "</html>\n";
  else
    out << svg;
  return static_cast<bool>(out.flush());
}

}  // namespace moesim
