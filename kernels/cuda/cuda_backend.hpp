// The kernels on the first visible GPU.
#pragma once

#include <memory>

#include "kernels/backend.hpp"
#include "kernels/cuda/cuda_device.hpp"

namespace moesim::kernels {

// Throws DeviceError where there is no GPU that runs them.
Backend make_cuda_backend();

// Each keeps the device.
std::shared_ptr<GateKernels> make_cuda_gate(std::shared_ptr<CudaDevice> device);
std::shared_ptr<PermuteKernels> make_cuda_permute(std::shared_ptr<CudaDevice> device);
std::shared_ptr<ExpertKernels> make_cuda_experts(std::shared_ptr<CudaDevice> device);
std::shared_ptr<PackKernels> make_cuda_pack(std::shared_ptr<CudaDevice> device);
std::shared_ptr<CopyKernels> make_cuda_copy(std::shared_ptr<CudaDevice> device);

}  // namespace moesim::kernels
