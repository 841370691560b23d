// The kernels on all cores of the host: threads, vector instructions, and a BLAS.
#pragma once

#include <memory>

#include "kernels/backend.hpp"
#include "kernels/cpu/threads.hpp"

namespace moesim::kernels {

Backend make_cpu_backend();

// Each keeps the threads.
std::shared_ptr<GateKernels> make_cpu_gate(std::shared_ptr<Threads> threads);
std::shared_ptr<PermuteKernels> make_cpu_permute(std::shared_ptr<Threads> threads);
std::shared_ptr<ExpertKernels> make_cpu_experts(std::shared_ptr<Threads> threads);
std::shared_ptr<PackKernels> make_cpu_pack(std::shared_ptr<Threads> threads);
std::shared_ptr<CopyKernels> make_cpu_copy(std::shared_ptr<Threads> threads);

}  // namespace moesim::kernels
