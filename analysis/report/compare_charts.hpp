// Bars of variants side by side, from the document of a comparison.
#pragma once

#include <string>
#include <vector>

#include "analysis/compare.hpp"

namespace moesim {

const char* unit_of(const ComparedMetric& metric);  // as of parts.hpp
std::vector<std::string> names_of(const Json& variants);
bool is_baseline(const Json& comparison, const Json& variant);

// Means over seeds. `with_band`: with the error of the kernels' costs, where it is known.
Json metric_bars(const Json& comparison, const ComparedMetric& metric, bool with_band);
// Of the chosen metric, to the baseline, with their confidence intervals.
Json difference_bars(const Json& comparison, const ComparedMetric& metric);

}  // namespace moesim
