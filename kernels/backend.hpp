// All kernels on one device, chosen at run time by name.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/copy.hpp"
#include "kernels/device.hpp"
#include "kernels/expert_ffn.hpp"
#include "kernels/gate.hpp"
#include "kernels/pack.hpp"
#include "kernels/permute.hpp"

namespace moesim::kernels {

// The kernels hold on to the device, which is destroyed after them and after all Work.
struct Backend {
  std::shared_ptr<Device> device;
  std::shared_ptr<GateKernels> gate;
  std::shared_ptr<PermuteKernels> permute;
  std::shared_ptr<ExpertKernels> experts;
  std::shared_ptr<PackKernels> pack;
  std::shared_ptr<CopyKernels> copy;
};

// "cuda" (the first visible GPU), "cpu" (threads and a BLAS) or "cpu_reference" (plain loops, one
// thread, for tests). Throws DeviceError where "cuda" was not built or no GPU is there, and
// UnsupportedError for another name.
Backend make_backend(std::string_view name);

// The names that make_backend knows in this build, "cuda" first where it was built.
std::vector<std::string> backend_names();

// Whether make_backend("cuda") would succeed; if not, `why` says why.
bool has_gpu(std::string* why = nullptr);

}  // namespace moesim::kernels
