// What the kinds of step placements share: parameters, and copies that compute what their own GPU
// would send away.
#pragma once

#include "sim/step_placement/step_placement.hpp"

namespace moesim {

// `decision_time`, and for copies between GPUs `link_efficiency` and `sms`.
std::vector<Parameter> decision_parameters(std::vector<Parameter> own);
std::vector<Parameter> with_copy_parameters(std::vector<Parameter> own);
// Of kinds whose GPUs need each other's counts, `all_reduce_time`.
Parameter agreement_parameter();
std::optional<Seconds> agreement_time(const Arguments& arguments);

// Each copy computes all routes of its own GPU to its expert. `copies` in any order.
StepCopies with_own_routes(const StepPlacementRequest& request, std::vector<TemporaryCopy> copies);

// Whether the GPU has a slot of the expert.
bool holds(const LayerPlacement& placement, GpuId gpu, ExpertId expert);

// Routes of the assignment: [source × expert].
ExpertCounts expert_counts(const StepPlacementRequest& request);

}  // namespace moesim
