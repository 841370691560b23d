// Declared parameters in words and tables, for `moesim list` and `moesim help`.
#pragma once

#include <string>
#include <vector>

#include "analysis/text_table.hpp"
#include "sim/base/parameter.hpp"

namespace moesim {

// "≥ 1", "> 0, ≤ 1", "a | b": in the unit of the file (SI where it has one).
std::string range_of(const Parameter& parameter);
// As it would be written; "(needed)" or "–" where there is none.
std::string default_of(const Parameter& parameter);
// A row for each; names start with `indent`.
TextTable parameters_table(const std::vector<Parameter>& parameters, const std::string& indent);

}  // namespace moesim
