// The kernels as plain loops in one thread: what the others are held against.
#pragma once

#include <memory>

#include "kernels/backend.hpp"

namespace moesim::kernels {

std::shared_ptr<GateKernels> make_reference_gate();
std::shared_ptr<PermuteKernels> make_reference_permute();
std::shared_ptr<ExpertKernels> make_reference_experts();
std::shared_ptr<PackKernels> make_reference_pack();
std::shared_ptr<CopyKernels> make_reference_copy();

}  // namespace moesim::kernels
