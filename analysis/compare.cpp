#include "analysis/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>

#include "analysis/format.hpp"
#include "analysis/metric_catalog.hpp"
#include "sim/base/check.hpp"

namespace moesim {
namespace {

std::optional<double> value_of(const Json& summary, const std::string& name) {
  const Json* node = &summary.at("metrics");
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('.', begin), name.size());
    const auto found = node->find(name.substr(begin, end - begin));
    if (found == node->end()) return std::nullopt;
    node = &*found;
    begin = end + 1;
  }
  if (!node->is_number()) return std::nullopt;
  return node->get<double>();
}

// Of every seed; none where any of them has no value.
std::optional<std::vector<double>> values_of(const ComparedVariant& variant,
                                             const std::string& metric) {
  std::vector<double> values;
  for (const Json& summary : variant.summaries) {
    const std::optional<double> value = value_of(summary, metric);
    if (!value) return std::nullopt;
    values.push_back(*value);
  }
  return values;
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

std::optional<Interval> band_of(const ComparedVariant& variant, const std::string& metric) {
  Interval band;
  const double count = static_cast<double>(variant.summaries.size());
  for (const Json& summary : variant.summaries) {
    const auto found = summary.at("uncertainty").find(metric);
    const std::optional<double> value = value_of(summary, metric);
    if (found == summary.at("uncertainty").end() || !value || *value == 0) return std::nullopt;
    if (!found->at("low").is_number() || !found->at("high").is_number()) return std::nullopt;
    band.low += (found->at("low").get<double>() / *value - 1) / count;
    band.high += (found->at("high").get<double>() / *value - 1) / count;
  }
  return band;
}

// Of the chosen metric; none where it is not defined for all pairs of runs.
std::optional<PairedDifference> difference_of(const ComparedVariant& variant,
                                              const ComparedVariant& baseline,
                                              const std::string& metric) {
  const auto own = values_of(variant, metric), base = values_of(baseline, metric);
  if (!own || !base) return std::nullopt;
  for (std::size_t i = 0; i < own->size(); ++i)
    if ((*base)[i] == 0 && (*own)[i] != 0) return std::nullopt;
  return paired_difference(*own, *base);
}

ComparedRow row_of(const ComparedVariant& variant, const ComparedVariant& baseline,
                   const ComparedMetric& metric) {
  ComparedRow row{.name = variant.name, .labels = variant.labels};
  for (const ComparedMetric& each : compared_metrics()) {
    const auto values = values_of(variant, each.name);
    row.means.push_back(values ? std::optional<double>(mean_of(*values)) : std::nullopt);
  }
  const auto difference = difference_of(variant, baseline, metric.name);
  row.has_difference = difference.has_value();
  if (difference) row.difference = *difference;
  row.band = band_of(variant, metric.name);
  return row;
}

// Whether no run depends on its seed.
bool seeds_alike(const std::vector<ComparedVariant>& variants) {
  for (const ComparedVariant& variant : variants)
    for (const Json& summary : variant.summaries)
      if (summary.at("metrics") != variant.summaries.front().at("metrics")) return false;
  return true;
}

// Equal for all variants and seeds.
bool is_same(const std::vector<ComparedVariant>& variants, const std::string& metric) {
  const std::optional<double> first = value_of(variants.front().summaries.front(), metric);
  for (const ComparedVariant& variant : variants)
    for (const Json& summary : variant.summaries)
      if (value_of(summary, metric) != first) return false;
  return true;
}

std::vector<std::size_t> best_rows(const std::vector<ComparedRow>& rows, std::size_t metric) {
  const Better better = compared_metrics()[metric].better;
  std::vector<std::size_t> best;
  if (better == Better::kNeither) return best;
  std::optional<double> top;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::optional<double> value = rows[i].means[metric];
    if (!value) continue;
    if (!top || (better == Better::kHigher ? *value > *top : *value < *top)) {
      top = value;
      best.clear();
    }
    if (*value == *top) best.push_back(i);
  }
  return best.size() == rows.size() ? std::vector<std::size_t>{} : best;
}

// Rows by the chosen metric, the best first; those without a value are left out.
std::optional<Verdict> verdict_of(const std::vector<ComparedVariant>& variants,
                                  const VariantComparison& comparison) {
  const ComparedMetric& metric = *comparison.metric;
  const auto index = static_cast<std::size_t>(&metric - compared_metrics().data());
  if (metric.better == Better::kNeither || comparison.same[index]) return std::nullopt;
  std::vector<std::size_t> order;
  for (std::size_t r = 0; r < comparison.rows.size(); ++r)
    if (comparison.rows[r].means[index]) order.push_back(r);
  if (order.size() < 2) return std::nullopt;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const double first = *comparison.rows[a].means[index];
    const double second = *comparison.rows[b].means[index];
    return metric.better == Better::kHigher ? first > second : first < second;
  });
  const auto lead = difference_of(variants[order[0]], variants[order[1]], metric.name);
  if (!lead) return std::nullopt;
  return Verdict{.best = order[0], .next = order[1], .lead = *lead};
}

// Each once. Of those that differ in figures only, the first.
std::vector<std::string> warnings_of(const std::vector<ComparedVariant>& variants) {
  std::vector<std::string> warnings;
  std::set<std::string> seen;
  for (const ComparedVariant& variant : variants)
    for (const Json& summary : variant.summaries)
      for (const Json& warning : summary.at("warnings")) {
        const auto text = warning.get<std::string>();
        std::string words;
        std::copy_if(text.begin(), text.end(), std::back_inserter(words),
                     [](char c) { return c != '.' && (c < '0' || c > '9'); });
        if (seen.insert(words).second) warnings.push_back(text);
      }
  return warnings;
}

std::string signed_percent(double ratio) {
  return (ratio < 0 ? "−" : "+") + format_percent(std::fabs(ratio));
}

}  // namespace

std::string ComparedMetric::shown(double value) const { return shown_metric(value, unit); }

const std::vector<ComparedMetric>& compared_metrics() {
  using Unit = ComparedMetric::Unit;
  static const std::vector<ComparedMetric> metrics = {
      {"tokens_per_s_per_gpu", "tokens/s per GPU", Unit::kCount, Better::kHigher},
      {"tokens_per_s", "tokens/s", Unit::kCount, Better::kHigher, false},
      {"step_time_s.mean", "step time", Unit::kTime, Better::kLower},
      {"step_time_s.p99", "p99", Unit::kTime, Better::kLower, false},
      {"straggler_wait_fraction", "waiting", Unit::kShare, Better::kLower},
      {"imbalance.gpu_max_over_mean", "GPU max/mean", Unit::kRatio, Better::kLower},
      {"drop_rate", "dropped", Unit::kShare, Better::kLower},
      {"padding_waste", "padding", Unit::kShare, Better::kLower},
      {"bytes.nvlink", "NVLink", Unit::kBytes, Better::kNeither, false},
      {"bytes.network", "network", Unit::kBytes},
      {"bytes.migration", "migration", Unit::kBytes},
      {"ttft_s.mean", "TTFT", Unit::kTime, Better::kLower},
      {"ttft_s.p99", "TTFT p99", Unit::kTime, Better::kLower},
      {"tpot_s.mean", "TPOT", Unit::kTime, Better::kLower},
      {"itl_s.p99", "ITL p99", Unit::kTime, Better::kLower},
      {"goodput_requests_per_s", "goodput req/s", Unit::kCount, Better::kHigher},
      {"mfu", "MFU", Unit::kShare, Better::kHigher, false},
      {"memory_bytes_max", "memory", Unit::kBytes, Better::kLower},
  };
  return metrics;
}

const ComparedMetric* find_metric(const std::string& name) {
  for (const ComparedMetric& metric : compared_metrics())
    if (metric.name == name) return &metric;
  return nullptr;
}

VariantComparison compare(const std::vector<ComparedVariant>& given,
                          const CompareOptions& options) {
  VariantComparison result{.metric = find_metric(options.metric), .baseline = options.baseline};
  MOESIM_CHECK(result.metric != nullptr && options.baseline < given.size(), "options were checked");
  for (const Json& summary : given.front().summaries)
    result.seeds.push_back(summary.at("seed").get<std::uint64_t>());
  result.seeds_alike = result.seeds.size() > 1 && seeds_alike(given);
  std::vector<ComparedVariant> variants = given;
  if (result.seeds_alike)
    for (ComparedVariant& variant : variants) variant.summaries.resize(1);
  for (const ComparedVariant& variant : variants)
    result.rows.push_back(row_of(variant, variants[options.baseline], *result.metric));
  for (std::size_t i = 0; i < compared_metrics().size(); ++i) {
    result.same.push_back(is_same(variants, compared_metrics()[i].name));
    result.best.push_back(best_rows(result.rows, i));
  }
  result.verdict = verdict_of(variants, result);
  result.warnings = warnings_of(variants);
  return result;
}

std::string shown_difference(const ComparedRow& row, bool is_baseline) {
  if (is_baseline) return "baseline";
  if (!row.has_difference) return "not defined";
  const std::string text = shown_difference(row.difference);
  return row.difference.finding == Finding::kNothing ? text + ": " + kNoDifference : text;
}

std::string shown_difference(const PairedDifference& difference) {
  if (difference.finding == Finding::kSame) return "the same";
  std::string text = signed_percent(difference.mean);
  if (difference.interval)
    text += fmt::format(" ({} to {})", signed_percent(difference.interval->low),
                        signed_percent(difference.interval->high));
  return text;
}

double best_case_ratio(const ComparedRow& row, const ComparedMetric& metric) {
  const PairedDifference& difference = row.difference;
  if (metric.better == Better::kLower) {
    const double least = difference.interval ? difference.interval->low : difference.mean;
    return 1 / std::max(1 + least, 1e-300);
  }
  return 1 + (difference.interval ? difference.interval->high : difference.mean);
}

}  // namespace moesim
