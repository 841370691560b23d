// A comparison for scripts: JSON and CSV, numbers in SI units.
#include <algorithm>
#include <cmath>

#include "analysis/compare.hpp"
#include "analysis/text_table.hpp"

namespace moesim {
namespace {

const char* to_string(Finding finding) {
  switch (finding) {
    case Finding::kSame:
      return "same";
    case Finding::kUnknown:
      return "one_seed";
    case Finding::kNothing:
      return "no_difference_shown";
    case Finding::kHigher:
      return "higher";
    case Finding::kLower:
      return "lower";
  }
  return "";
}

Json interval_json(const std::optional<Interval>& interval) {
  if (!interval) return nullptr;
  return {{"low", number_or_null(interval->low)}, {"high", number_or_null(interval->high)}};
}

Json difference_json(const PairedDifference& difference) {
  return {{"mean", number_or_null(difference.mean)},
          {"interval", interval_json(difference.interval)},
          {"finding", to_string(difference.finding)}};
}

Json verdict_json(const VariantComparison& comparison) {
  if (!comparison.verdict) return nullptr;
  const Verdict& verdict = *comparison.verdict;
  return {{"variant", comparison.rows[verdict.best].name},
          {"next", comparison.rows[verdict.next].name},
          {"difference_to_next", difference_json(verdict.lead)}};
}

TextCell figure(std::optional<double> value) {
  return value && std::isfinite(*value) ? TextCell("", *value) : TextCell();
}

}  // namespace

Json comparison_document(const VariantComparison& comparison,
                         const std::vector<ComparedVariant>& variants) {
  Json same = Json::object(), rows = Json::array();
  const auto& metrics = compared_metrics();
  for (std::size_t i = 0; i < metrics.size(); ++i)
    if (const auto value = comparison.rows.front().means[i]; comparison.same[i])
      same[metrics[i].name] = value ? number_or_null(*value) : Json(nullptr);
  for (std::size_t r = 0; r < comparison.rows.size(); ++r) {
    const ComparedRow& row = comparison.rows[r];
    Json means = Json::object(), best = Json::array(), runs = Json::array();
    for (std::size_t i = 0; i < metrics.size(); ++i) {
      means[metrics[i].name] = row.means[i] ? number_or_null(*row.means[i]) : Json(nullptr);
      const auto& top = comparison.best[i];
      if (std::find(top.begin(), top.end(), r) != top.end()) best.push_back(metrics[i].name);
    }
    for (const Json& summary : variants[r].summaries)
      runs.push_back({{"seed", summary.at("seed")}, {"metrics", summary.at("metrics")}});
    Json difference = nullptr;
    if (row.has_difference) difference = difference_json(row.difference);
    Json labels = Json::object();
    for (const auto& [key, value] : row.labels) labels[key] = value;
    rows.push_back({{"name", row.name},
                    {"labels", labels},
                    {"means", means},
                    {"best", best},
                    {"difference", difference},
                    {"calibration_band", interval_json(row.band)},
                    {"scenario", variants[r].summaries.front().at("scenario")},
                    {"runs", runs}});
  }
  return {{"schema", "moesim.compare/1"},
          {"metric", comparison.metric->name},
          {"baseline", comparison.rows[comparison.baseline].name},
          {"confidence", kConfidence},
          {"seeds", comparison.seeds},
          {"same_for_all", same},
          {"best", verdict_json(comparison)},
          {"variants", rows},
          {"warnings", comparison.warnings}};
}

std::string comparison_csv(const VariantComparison& comparison) {
  std::vector<TextColumn> columns = {{"variant"}};
  for (const ComparedMetric& metric : compared_metrics()) columns.push_back({metric.name});
  for (const char* name :
       {"difference", "difference_low", "difference_high", "finding", "band_low", "band_high"})
    columns.push_back({name});
  TextTable table(std::move(columns));
  for (const ComparedRow& row : comparison.rows) {
    std::vector<TextCell> cells = {row.name};
    for (const std::optional<double>& mean : row.means) cells.push_back(figure(mean));
    const PairedDifference& difference = row.difference;
    const bool known = row.has_difference, interval = known && difference.interval;
    cells.push_back(known ? figure(difference.mean) : TextCell());
    cells.push_back(interval ? figure(difference.interval->low) : TextCell());
    cells.push_back(interval ? figure(difference.interval->high) : TextCell());
    cells.emplace_back(known ? to_string(difference.finding) : "");
    cells.push_back(row.band ? figure(row.band->low) : TextCell());
    cells.push_back(row.band ? figure(row.band->high) : TextCell());
    table.add(std::move(cells));
  }
  return table.csv();
}

}  // namespace moesim
