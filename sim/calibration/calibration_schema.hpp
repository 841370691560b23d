// The keys of a calibration file, declared for its reader and for the documentation.
#pragma once

#include <vector>

#include "sim/base/parameter.hpp"

namespace moesim {

// The work that a kernel entry can be of.
const std::vector<std::string>& kernel_names();

const std::vector<Parameter>& calibration_parameters();
const std::vector<Parameter>& measured_gpu_parameters();
const std::vector<Parameter>& kernel_parameters();
const std::vector<Parameter>& range_parameters();
const std::vector<Parameter>& held_out_parameters();
const std::vector<Parameter>& exchange_parameters();
const std::vector<Parameter>& collective_parameters();

}  // namespace moesim
