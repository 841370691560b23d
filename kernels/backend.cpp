#include "kernels/backend.hpp"

#include "kernels/cpu/cpu.hpp"
#include "kernels/cpu/device.hpp"
#include "kernels/error.hpp"
#include "kernels/reference/reference.hpp"
#ifdef MOESIM_HAS_CUDA
#include "kernels/cuda/cuda_backend.hpp"
#endif

namespace moesim::kernels {

Backend make_backend(std::string_view name) {
  if (name == "cpu") return make_cpu_backend();
  if (name == "cpu_reference")
    return Backend{.device = make_host_device("cpu_reference", "loops", 1),
                   .gate = make_reference_gate(),
                   .permute = make_reference_permute(),
                   .experts = make_reference_experts(),
                   .pack = make_reference_pack(),
                   .copy = make_reference_copy()};
  require(name == "cuda",
          "there is no backend '" + std::string(name) + "'; use cuda, cpu or cpu_reference");
#ifdef MOESIM_HAS_CUDA
  return make_cuda_backend();
#else
  throw DeviceError("moesim was built without CUDA: install the CUDA toolkit and build again");
#endif
}

std::vector<std::string> backend_names() {
#ifdef MOESIM_HAS_CUDA
  return {"cuda", "cpu", "cpu_reference"};
#else
  return {"cpu", "cpu_reference"};
#endif
}

bool has_gpu(std::string* why) {
  try {
    make_backend("cuda");
    return true;
  } catch (const DeviceError& error) {
    if (why != nullptr) *why = error.what();
    return false;
  }
}

}  // namespace moesim::kernels
