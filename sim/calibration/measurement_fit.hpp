// Fits a calibration to what `moesim profile` measured.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sim/calibration/collective_table.hpp"
#include "sim/calibration/fitted.hpp"
#include "sim/calibration/measurement_file.hpp"

namespace moesim {

struct MeasurementFits {
  GpuSpec gpu;         // the device, with the datasheet's rates where its name is known
  std::string system;  // of that datasheet; empty for others, such as a CPU
  std::vector<FittedKernel> kernels;
  std::vector<FittedForm> forms;
  std::vector<CollectiveSample> collectives;
  std::vector<std::string> left_out;  // what was not fitted and why, to read
  std::vector<std::string> findings;  // measurement_findings.hpp
};

// One fit for each (kernel, variant, dtype); the variant that is faster on the calls that all of
// them made comes first, so that runs take it. Cold samples go before warm ones of the same kernel:
// in a model the weights of a layer are not in a cache. Samples whose result was wrong are left
// out. `progress` hears a line for each fit.
MeasurementFits fit_measurements(const MeasurementFile& file, int folds,
                                 const std::function<void(const std::string&)>& progress);

}  // namespace moesim
