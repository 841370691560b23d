// How much an answer depends on what is not known: kernels' errors, skew, networks, failures.
#pragma once

#include "analysis/plan/answer.hpp"

namespace moesim {

// Sets the band of every deployment. With all kernels slower, or faster, by the errors of the steps
// in use, the largest batches are looked for anew and the instances of the same options counted
// anew. Errors of kernels tend to have the same sign, so both pools are off in the same direction.
void add_bands(const PlanQuestion& question, StepSource& source,
               const std::vector<Candidate>& candidates, std::vector<Deployment>& deployments);

// Of the deployments with these indices, one after the other.
std::vector<WhatIf> what_ifs_of(const PlanQuestion& question, StepSource& source,
                                const std::vector<Candidate>& candidates,
                                const std::vector<Deployment>& deployments,
                                const std::vector<std::size_t>& chosen);

}  // namespace moesim
