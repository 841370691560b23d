// What a sweep tells beside the costs of kernels, for a person to read.
#pragma once

#include <string>
#include <vector>

#include "sim/calibration/measurement_file.hpp"

namespace moesim {

// What part of `experts` the grouped FFN alone (`ffn`) is, and how much longer experts take while a
// copy holds some SMs (`experts_with_copy`), as medians over the calls that both measured. Neither
// has a cost of its own: a run asks for experts as a whole, and slows the compute-bound part of
// what runs beside a communication kernel by SMs / (SMs − taken).
std::vector<std::string> measurement_findings(const MeasurementFile& file);

}  // namespace moesim
