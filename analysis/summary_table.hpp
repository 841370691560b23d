// The metrics of a run as a table, a line each: for --csv and --markdown.
#pragma once

#include "analysis/json.hpp"
#include "analysis/text_table.hpp"

namespace moesim {

// Of a summary.json. Columns: metric, value, and low and high where the calibrations' errors give a
// band; numbers in SI units, names with dots.
TextTable metrics_table(const Json& summary);

}  // namespace moesim
