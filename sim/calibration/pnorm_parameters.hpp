// The declared coefficients of the form `pnorm_experts`, for the form itself and for its fit.
#pragma once

#include <vector>

#include "sim/base/parameter.hpp"
#include "sim/calibration/cost_form.hpp"
#include "sim/calibration/pnorm_experts.hpp"

namespace moesim {

// In the order of Pnorm.
const std::vector<Parameter>& pnorm_parameters();

// Everything of the shape that does not need the rows of each expert (active and routes are 0; so
// is usual_rows unless the work says it).
PnormShape pnorm_shape(const ExpertWork& work, const FormGpu& gpu, double tile);

}  // namespace moesim
