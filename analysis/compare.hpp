// Variants side by side: what differs, by how much, and whether the data can tell.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "analysis/json.hpp"
#include "analysis/paired.hpp"

namespace moesim {

// A variant and its summaries (summary_document), one for each seed, the same seeds for all.
struct ComparedVariant {
  std::string name;
  std::vector<Json> summaries;
  // What sets it apart, "placement" and "lpt": its columns, where all variants have the same keys.
  std::vector<std::pair<std::string, std::string>> labels = {};
};

enum class Better { kHigher, kLower, kNeither };

struct ComparedMetric {
  std::string name;   // in `metrics` of a summary, with dots: "step_time_s.mean"
  std::string title;  // of its column
  enum class Unit { kCount, kTime, kBytes, kShare, kRatio } unit = Unit::kCount;
  Better better = Better::kNeither;
  bool in_table = true;  // else in documents only
  std::string shown(double value) const;
};
// Those of the table, in the order of its columns.
const std::vector<ComparedMetric>& compared_metrics();
const ComparedMetric* find_metric(const std::string& name);

struct CompareOptions {
  std::size_t baseline = 0;  // of the variants
  std::string metric = "tokens_per_s_per_gpu";
};

// Of one variant.
struct ComparedRow {
  std::string name;
  std::vector<std::pair<std::string, std::string>> labels;  // as of the variant
  std::vector<std::optional<double>> means;  // over seeds, by compared_metrics(); none: not defined
  PairedDifference difference;               // of the chosen metric, to the baseline
  // Calibration's held-out errors: low and high of the metric over its value, minus 1. None: the
  // metric has no band.
  std::optional<Interval> band;
  bool has_difference = true;  // false: the metric is not defined for both
};

// Which variant is best in the chosen metric, and by how much the next one is behind.
struct Verdict {
  std::size_t best = 0, next = 0;  // rows
  PairedDifference lead;           // of the best to the next
};

struct VariantComparison {
  const ComparedMetric* metric = nullptr;
  std::size_t baseline = 0;
  std::vector<std::uint64_t> seeds;
  // Runs of other seeds are the same (nothing is drawn): they count once, and show no spread.
  bool seeds_alike = false;
  std::vector<ComparedRow> rows;
  std::vector<bool> same;  // metrics that are equal for all variants
  std::vector<std::vector<std::size_t>>
      best;                           // rows with the best value, by metric; of `same` none
  std::optional<Verdict> verdict;     // none: no order, or all are equal
  std::vector<std::string> warnings;  // of all variants, those that differ in figures once
};
VariantComparison compare(const std::vector<ComparedVariant>& variants,
                          const CompareOptions& options);

// "+3.2 % (+1.1 % to +5.3 %)", "no difference that this data can show", …
std::string shown_difference(const ComparedRow& row, bool is_baseline);
// The figures alone.
std::string shown_difference(const PairedDifference& difference);
inline constexpr const char* kNoDifference = "no difference that this data can show";

// How good a row is at most, compared with the baseline: above 1 is better, whichever way the
// metric goes. The upper end of its interval, or the difference itself where there is none.
double best_case_ratio(const ComparedRow& row, const ComparedMetric& metric);

Json comparison_document(const VariantComparison& comparison,
                         const std::vector<ComparedVariant>& variants);
// One line for each variant; numbers in SI.
std::string comparison_csv(const VariantComparison& comparison);

}  // namespace moesim
