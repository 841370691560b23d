// The report of variants side by side.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/compare.hpp"
#include "analysis/format.hpp"
#include "analysis/report/batch_charts.hpp"
#include "analysis/report/compare_charts.hpp"
#include "analysis/report/parts.hpp"
#include "analysis/report/provenance.hpp"
#include "analysis/report/report.hpp"

namespace moesim {
namespace {

std::string signed_percent(double share) {
  return (share < 0 ? "−" : "+") + format_percent(std::fabs(share));
}

std::string difference_text(const Json& difference) {
  const std::string interval =
      difference.at("interval").is_object()
          ? fmt::format(" ({} to {} with 95 % confidence)",
                        signed_percent(number_at(difference, "interval.low")),
                        signed_percent(number_at(difference, "interval.high")))
          : " on one seed, which says nothing of how it varies";
  return signed_percent(number_at(difference, "mean")) + interval;
}

// The variant with the best mean of the metric; none: no metric is better high or low.
const Json* best_variant(const Json& comparison, const ComparedMetric& metric) {
  const Json* best = nullptr;
  for (const Json& variant : comparison.at("variants")) {
    const Json& value = variant.at("means").at(metric.name);
    if (!value.is_number() || metric.better == Better::kNeither) continue;
    if (best == nullptr) {
      best = &variant;
      continue;
    }
    const double most = best->at("means").at(metric.name).get<double>();
    if (metric.better == Better::kHigher ? value > most : value < most) best = &variant;
  }
  return best;
}

// Not defined, or not shown by this data.
bool shows_nothing(const Json& variant) {
  const Json& difference = variant.at("difference");
  if (!difference.is_object()) return true;
  const Json& finding = difference.at("finding");
  return finding == "no_difference_shown" || finding == "same";
}

std::string answer_of(const Json& comparison, const ComparedMetric& metric) {
  const auto baseline = comparison.at("baseline").get<std::string>();
  const Json* best = best_variant(comparison, metric);
  const bool any = std::any_of(
      comparison.at("variants").begin(), comparison.at("variants").end(), [&](const Json& variant) {
        return !is_baseline(comparison, variant) && !shows_nothing(variant);
      });
  if (!any)
    return fmt::format("No variant differs from {} in {} by more than this data can show.",
                       baseline, metric.title);
  if (best == nullptr)
    return fmt::format("The variants differ in {}, of which neither more nor less is better.",
                       metric.title);
  const auto name = best->at("name").get<std::string>();
  const std::string value = metric.shown(best->at("means").at(metric.name).get<double>());
  if (is_baseline(comparison, *best))
    return fmt::format("{}, the baseline, is the best in {}: {}.", name, metric.title, value);
  return fmt::format("{} is the best in {}: {}, {} against {}{}.", name, metric.title, value,
                     difference_text(best->at("difference")), baseline,
                     shows_nothing(*best) ? ", no difference that this data can show" : "");
}

// Metrics that differ between variants, the chosen one first.
std::vector<const ComparedMetric*> shown_metrics(const Json& comparison,
                                                 const ComparedMetric& chosen) {
  std::vector<const ComparedMetric*> shown;
  for (const ComparedMetric& metric : compared_metrics()) {
    const Json& variants = comparison.at("variants");
    const bool any = std::any_of(variants.begin(), variants.end(), [&](const Json& variant) {
      return variant.at("means").at(metric.name).is_number();
    });
    if (!any || comparison.at("same_for_all").contains(metric.name)) continue;
    shown.insert(metric.name == chosen.name ? shown.begin() : shown.end(), &metric);
  }
  return shown;
}

Json means_table(const Json& comparison, const ComparedMetric& chosen) {
  const std::vector<const ComparedMetric*> shown = shown_metrics(comparison, chosen);
  constexpr std::size_t kNames = 4;  // columns before the metrics
  std::vector<Column> columns = {
      {"variant"}, {"difference", "share"}, {"from", "share"}, {"to", "share"}};
  for (const ComparedMetric* metric : shown) columns.push_back({metric->title, unit_of(*metric)});
  Json part = table_part("The variants, metric by metric: means over seeds", columns);
  part["note"] = fmt::format("Difference of {} to {}, and where it lies with 95 % confidence.",
                             chosen.title, comparison.at("baseline").get<std::string>());
  part["best"] = Json::array();
  for (const Json& variant : comparison.at("variants")) {
    Json row = Json::array({variant.at("name")}), best = Json::array();
    const Json& difference = variant.at("difference");
    for (const char* name : {"mean", "interval.low", "interval.high"})
      row.push_back(is_baseline(comparison, variant) ? Json(nullptr) : at_path(difference, name));
    const Json& stars = variant.at("best");
    for (std::size_t i = 0; i < shown.size(); ++i) {
      if (std::find(stars.begin(), stars.end(), Json(shown[i]->name)) != stars.end())
        best.push_back(kNames + i);
      row.push_back(variant.at("means").at(shown[i]->name));
    }
    part["rows"].push_back(row);
    part["best"].push_back(best);
  }
  return part;
}

// Of the first seed.
Json breakdowns(const Json& comparison) {
  std::vector<Json> all;
  for (const Json& variant : comparison.at("variants"))
    all.push_back(variant.at("runs").front().at("metrics").at("breakdown_s"));
  return breakdown_bars("Where the time of a step goes in each variant, by phase",
                        names_of(comparison.at("variants")), all);
}

std::string same_text(const Json& comparison) {
  std::string text;
  for (const ComparedMetric& metric : compared_metrics()) {
    const Json value = comparison.at("same_for_all").value(metric.name, Json());
    if (value.is_number())
      text += fmt::format("{}{} {}", text.empty() ? "" : " · ", metric.title,
                          metric.shown(value.get<double>()));
  }
  return text;
}

Json sections_of(const Json& comparison, const ComparedMetric& metric) {
  Json first = Json::array({metric_bars(comparison, metric, true)});
  Json differences = difference_bars(comparison, metric);
  if (!differences["categories"].empty()) first.push_back(std::move(differences));
  first.push_back(means_table(comparison, metric));
  Json others = Json::array({breakdowns(comparison)});
  for (const ComparedMetric& other : compared_metrics())
    if (other.in_table && other.name != metric.name && other.better != Better::kNeither &&
        !comparison.at("same_for_all").contains(other.name)) {
      Json part = metric_bars(comparison, other, false);
      const Json& values = part["series"][0]["values"];
      if (std::any_of(values.begin(), values.end(), [](const Json& v) { return v.is_number(); }))
        others.push_back(std::move(part));
    }
  const std::string same = same_text(comparison);
  return Json::array(
      {section("Comparison", same.empty() ? "" : "Same for all: " + same + ".", std::move(first)),
       section("What differs beside it", "", std::move(others))});
}

Json figures_of(const Json& comparison, const ComparedMetric& metric) {
  Json figures = Json::array();
  constexpr std::size_t kMost = 8;
  const Json& variants = comparison.at("variants");
  for (std::size_t i = 0; i < std::min(kMost, variants.size()); ++i) {
    const std::string key = fmt::format("variants.{}.means.{}", i, metric.name);
    const double value = variants[i].at("means").at(metric.name).is_number()
                             ? variants[i].at("means").at(metric.name).get<double>()
                             : std::nan("");
    const Json& band = variants[i].at("calibration_band");
    Json own = {{"title", variants[i].at("name")},
                {"value", number_or_null(value)},
                {"unit", unit_of(metric)},
                {"key", key},
                {"note", metric.title}};
    if (band.is_object())
      own.update({{"low", number_or_null(value * (1 + number_at(band, "low")))},
                  {"high", number_or_null(value * (1 + number_at(band, "high")))}});
    figures.push_back(own);
  }
  return figures;
}

Json compare_report(const Json& comparison, const ResultFiles&) {
  const ComparedMetric& metric = *find_metric(comparison.at("metric").get<std::string>());
  const Json& variants = comparison.at("variants");
  const Json& scenario = variants.front().at("scenario");
  std::string names;
  for (const std::string& name : names_of(variants)) names += (names.empty() ? "" : ", ") + name;
  std::string seeds;
  for (const Json& seed : comparison.at("seeds"))
    seeds += (seeds.empty() ? "" : ", ") + seed.dump();
  Json assumptions = Json::array({named_text("variants", names), named_text("seeds", seeds)});
  std::vector<Json> scenarios;
  for (const Json& variant : variants) scenarios.push_back(variant.at("scenario"));
  for (const Json& own : common_assumptions(scenarios)) assumptions.push_back(own);
  Json report = {{"kind", "compare"},
                 {"title", scenario.at("name")},
                 {"subject", subject_of(scenario)},
                 {"answer", answer_of(comparison, metric)},
                 {"question", fmt::format("Which of these is best in {}, and can these runs tell?",
                                          metric.title)},
                 {"assumptions", assumptions},
                 {"figures", figures_of(comparison, metric)},
                 {"sections", sections_of(comparison, metric)},
                 {"warnings", comparison.at("warnings")}};
  if (comparison.contains("provenance")) {
    report["provenance"] = provenance_of(comparison);
    report["kernels"] = kernels_part(comparison);
  }
  if (comparison.contains("command")) report["command"] = comparison.at("command");
  return report;
}

const RegisterReport kCompare({"moesim.compare/1", "summary.json", compare_report});

}  // namespace
}  // namespace moesim
