// Datasheet rates of the systems that measured tables name in their column `system`.
#pragma once

#include <string>
#include <vector>

#include "sim/model/cluster.hpp"
#include "sim/model/exchange_cost.hpp"

namespace moesim {

struct Datasheet {
  std::string system;       // "H200"
  std::string calibration;  // start of the names of its calibrations, "h200-sxm"
  GpuSpec gpu;
  BytesPerSecond nvlink;  // a GPU's port, one way; 0 = none
  BytesPerSecond nic;     // of each GPU
  std::string like;       // system whose calibration serves where it has none of its own
  bool nvls = false;      // NVSwitches that reduce and multicast
};

// Of the system, or `otherwise` where it is not known.
PortRates port_rates_of(const std::string& system, const PortRates& otherwise);

// The datasheet whose system is a word of a GPU's name, such as "NVIDIA H100 80GB HBM3"; null where
// none is.
const Datasheet* datasheet_in(const std::string& gpu);

// Null for a system that is not known.
const Datasheet* find_datasheet(const std::string& system);
std::vector<std::string> datasheet_systems();

}  // namespace moesim
