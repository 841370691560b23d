// The presets that `moesim list` shows.
#pragma once

#include <string>

#include "analysis/json.hpp"
#include "analysis/text_table.hpp"

namespace moesim {

// For people, and what to know about the columns. Throws InputError where a preset does not read.
struct PresetTable {
  TextTable table;
  std::string note;
};
PresetTable models_table();
PresetTable clusters_table();
PresetTable calibrations_table();

// The same as arrays of objects; SI numbers.
Json models_json();
Json clusters_json();
Json calibrations_json();

}  // namespace moesim
