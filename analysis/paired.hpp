// How much two variants differ, from runs on the same draws.
//
// Runs with the same seed see the same routes, so that the difference of each pair says more than
// the two means do. The interval is Student's t over the pairs' relative differences.
#pragma once

#include <optional>
#include <span>

namespace moesim {

enum class Finding {
  kSame,     // every pair is equal
  kUnknown,  // one pair: a difference on these draws, and nothing says how it varies
  kNothing,  // the interval holds 0: no difference that this data can show
  kHigher,
  kLower,
};

struct Interval {
  double low = 0, high = 0;
};

struct PairedDifference {
  int pairs = 0;
  double mean = 0;  // of value / baseline − 1
  std::optional<Interval> interval;
  Finding finding = Finding::kUnknown;
};

inline constexpr double kConfidence = 0.95;

// Pair by pair; as many of one as of the other, at least one, and no baseline of 0 beside another
// value. Two zeros are equal.
PairedDifference paired_difference(std::span<const double> values, std::span<const double> baseline,
                                   double confidence = kConfidence);

// The two-sided quantile: the share `confidence` of Student's distribution lies within ± it.
double student_t(double confidence, int degrees_of_freedom);

}  // namespace moesim
