#include <cblas.h>

#include <algorithm>
#include <string>
#include <thread>

#include "kernels/cpu/cpu.hpp"
#include "kernels/cpu/device.hpp"

namespace moesim::kernels {

Backend make_cpu_backend() {
  const int count = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const auto threads = std::make_shared<Threads>(count);
  openblas_set_num_threads(1);  // products are spread over our threads, many at a time
  return Backend{.device = make_host_device("cpu", openblas_get_config(), count),
                 .gate = make_cpu_gate(threads),
                 .permute = make_cpu_permute(threads),
                 .experts = make_cpu_experts(threads),
                 .pack = make_cpu_pack(threads),
                 .copy = make_cpu_copy(threads)};
}

}  // namespace moesim::kernels
