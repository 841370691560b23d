#include "analysis/paired.hpp"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <vector>

#include "sim/base/check.hpp"

namespace moesim {

double student_t(double confidence, int degrees_of_freedom) {
  return boost::math::quantile(boost::math::students_t(degrees_of_freedom), (1 + confidence) / 2);
}

PairedDifference paired_difference(std::span<const double> values, std::span<const double> baseline,
                                   double confidence) {
  MOESIM_CHECK(values.size() == baseline.size() && !values.empty(), "values come in pairs");
  std::vector<double> differences;
  for (std::size_t i = 0; i < values.size(); ++i)
    differences.push_back(values[i] == baseline[i] ? 0 : values[i] / baseline[i] - 1);
  const double pairs = static_cast<double>(values.size());
  PairedDifference result{.pairs = static_cast<int>(values.size())};
  for (const double difference : differences) result.mean += difference / pairs;
  const bool same = std::all_of(differences.begin(), differences.end(),
                                [](double difference) { return difference == 0; });
  if (same) result.finding = Finding::kSame;
  if (values.size() < 2) return result;
  double squares = 0;
  for (const double difference : differences) squares += std::pow(difference - result.mean, 2);
  const double half =
      student_t(confidence, result.pairs - 1) * std::sqrt(squares / (pairs - 1) / pairs);
  result.interval = Interval{.low = result.mean - half, .high = result.mean + half};
  if (same) return result;
  result.finding = result.interval->low > 0    ? Finding::kHigher
                   : result.interval->high < 0 ? Finding::kLower
                                               : Finding::kNothing;
  return result;
}

}  // namespace moesim
