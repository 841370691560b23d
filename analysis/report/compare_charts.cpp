#include "analysis/report/compare_charts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/report/parts.hpp"

namespace moesim {

const char* unit_of(const ComparedMetric& metric) {
  using Unit = ComparedMetric::Unit;
  switch (metric.unit) {
    case Unit::kTime:
      return "s";
    case Unit::kBytes:
      return "B";
    case Unit::kShare:
      return "share";
    case Unit::kRatio:
      return "×";
    case Unit::kCount:
      return "";
  }
  return "";
}

std::vector<std::string> names_of(const Json& variants) {
  std::vector<std::string> names;
  for (const Json& variant : variants) names.push_back(variant.at("name").get<std::string>());
  return names;
}

bool is_baseline(const Json& comparison, const Json& variant) {
  return variant.at("name") == comparison.at("baseline");
}

Json metric_bars(const Json& comparison, const ComparedMetric& metric, bool with_band) {
  const Json& variants = comparison.at("variants");
  std::vector<double> values, low, high;
  for (const Json& variant : variants) {
    const Json& mean = variant.at("means").at(metric.name);
    values.push_back(mean.is_number() ? mean.get<double>() : std::nan(""));
    const Json& band = variant.at("calibration_band");
    low.push_back(band.is_object() ? values.back() * (1 + number_at(band, "low")) : std::nan(""));
    high.push_back(band.is_object() ? values.back() * (1 + number_at(band, "high")) : std::nan(""));
  }
  with_band &= std::any_of(low.begin(), low.end(), [](double v) { return std::isfinite(v); });
  Json part = bars_part(
      fmt::format("{} of each variant", metric.title),
      with_band ? "Mean over seeds. The line on a bar: how far the value itself may be off because "
                  "the kernels' costs are; much of it is common to all variants."
                : "",
      {.unit = unit_of(metric), .value = metric.title, .horizontal = true}, names_of(variants));
  Json own = bar_series(metric.title, values);
  if (with_band) own.update({{"low", numbers(low)}, {"high", numbers(high)}});
  part["series"].push_back(own);
  return part;
}

Json difference_bars(const Json& comparison, const ComparedMetric& metric) {
  std::vector<std::string> names;
  std::vector<double> values, low, high;
  bool intervals = false;
  for (const Json& variant : comparison.at("variants")) {
    const Json& difference = variant.at("difference");
    if (is_baseline(comparison, variant) || !difference.is_object()) continue;
    names.push_back(variant.at("name").get<std::string>());
    values.push_back(number_at(difference, "mean"));
    low.push_back(number_at(difference, "interval.low"));
    high.push_back(number_at(difference, "interval.high"));
    intervals |= std::isfinite(low.back());
  }
  Json part = bars_part(
      fmt::format("Difference of {} to {}", metric.title,
                  comparison.at("baseline").get<std::string>()),
      intervals ? "Mean over pairs of runs on the same draws. The line on a bar: where the "
                  "difference lies with 95 % confidence (Student's t). Where it crosses 0, this "
                  "data shows no difference."
                : "One seed: nothing says how the difference varies.",
      {.unit = "share", .value = "difference", .horizontal = true}, names);
  Json own = bar_series("difference", values);
  if (intervals) own.update({{"low", numbers(low)}, {"high", numbers(high)}});
  part["series"].push_back(own);
  return part;
}

}  // namespace moesim
