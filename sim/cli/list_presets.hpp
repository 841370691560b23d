// The presets that `moesim list` shows.
#pragma once

#include <string>

#include "analysis/json.hpp"

namespace moesim {

// Tables for the terminal. Throws InputError where a preset does not read.
std::string models_table();
std::string clusters_table();
std::string calibrations_table();

// The same as arrays of objects; SI numbers.
Json models_json();
Json clusters_json();
Json calibrations_json();

}  // namespace moesim
