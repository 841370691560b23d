// The cost model of a run: calibrations merged kernel by kernel, a datasheet roofline in the gaps.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/calibration/calibration.hpp"
#include "sim/model/cost_model.hpp"

namespace moesim {

// `calibration` is the section of the scenario, `gpu` the cluster's. Later calibrations override
// earlier ones. Throws InputError.
std::unique_ptr<CostModel> make_cost_model(const YamlNode& calibration, const GpuSpec& gpu);

// The same from calibrations that were read. A kernel whose `kernel_source` is the given one goes
// before others for the same work.
std::unique_ptr<CostModel> make_cost_model(std::vector<Calibration> calibrations,
                                           const GpuSpec& gpu,
                                           const std::string& kernel_source = {});

}  // namespace moesim
