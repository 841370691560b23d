// What NVML (the library below nvidia-smi) says of a GPU. It is opened at run time: it comes with
// the driver, not with the toolkit.
#pragma once

#include <string>

#include "kernels/device.hpp"

namespace moesim::kernels {

// Zeros where NVML is not there. `bus`: the PCI bus id as CUDA writes it.
DeviceHealth read_health(const std::string& bus);

}  // namespace moesim::kernels
