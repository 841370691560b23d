// Datasheet rates of the systems that measured tables name in their column `system`.
#pragma once

#include <string>
#include <vector>

#include "sim/model/cluster.hpp"

namespace moesim {

struct Datasheet {
  std::string system;       // "H200"
  std::string calibration;  // start of the names of its calibrations, "h200-sxm"
  GpuSpec gpu;
  BytesPerSecond nvlink;  // a GPU's port, one way; 0 = none
  BytesPerSecond nic;     // of each GPU
};

// Null for a system that is not known.
const Datasheet* find_datasheet(const std::string& system);
std::vector<std::string> datasheet_systems();

}  // namespace moesim
