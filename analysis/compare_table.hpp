// A comparison for people: aligned for a terminal, or as Markdown.
#pragma once

#include <string>

#include "analysis/compare.hpp"
#include "analysis/screen.hpp"

namespace moesim {

struct CompareHeading {
  std::string title;    // scenario, or several
  std::string subject;  // model, cluster and workload where all variants have the same
};

// The best value of each column is marked; columns that are equal for all stand above the table,
// with the differences below, a bar for each value and which variant is best.
std::string comparison_text(const VariantComparison& comparison, const CompareHeading& heading,
                            const Screen& screen);
std::string comparison_markdown(const VariantComparison& comparison, const CompareHeading& heading);

}  // namespace moesim
