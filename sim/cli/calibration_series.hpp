// What a calibration was fitted to, as points of a picture.
#pragma once

#include <string>
#include <vector>

#include "sim/calibration/error_plot.hpp"
#include "sim/calibration/import.hpp"

namespace moesim {

// "attention_decode mla bf16".
std::string form_name(const FittedForm& form);

// A series for each kernel, exchange and collective.
std::vector<ErrorSeries> series_of(const Import& import);

}  // namespace moesim
