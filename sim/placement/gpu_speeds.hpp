// Relative speeds of GPUs, for placements on unequal ones.
#pragma once

#include <string>
#include <vector>

#include "sim/placement/placement_policy.hpp"

namespace moesim {

Parameter speeds_parameter();

// [gpus]: the parameter `speeds`, one number for each GPU or for each node, else what the request
// knows. Throws InputError where the number of speeds fits neither, or none are known.
std::vector<double> speeds_of(const Arguments& arguments, const PlacementRequest& request);

}  // namespace moesim
