#include "kernels/cuda/cuda_backend.hpp"

namespace moesim::kernels {

Backend make_cuda_backend() {
  const auto device = std::make_shared<CudaDevice>();
  return Backend{.device = device,
                 .gate = make_cuda_gate(device),
                 .permute = make_cuda_permute(device),
                 .experts = make_cuda_experts(device),
                 .pack = make_cuda_pack(device),
                 .copy = make_cuda_copy(device)};
}

}  // namespace moesim::kernels
