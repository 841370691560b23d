// The first line of a measurement file: what was measured on, with what.
#pragma once

#include "kernels/device.hpp"
#include "kernels/profile/plan.hpp"

namespace moesim::kernels {

// kind, name, architecture, …: what a device is, without figures that change.
Json device_json(const DeviceFacts& facts);

// Figures that are measured before the sweep, as rates: bf16 products of a large matrix, and the
// bytes read and written by a copy that no cache holds.
struct Peaks {
  double bf16_flops = 0;        // per second
  double memory_bandwidth = 0;  // bytes per second
};

Json header_json(const DeviceFacts& facts, const DeviceHealth& health, const Peaks& peaks,
                 const Json& options);

// Whether two headers are of the same sweep on the same device; else what differs.
std::string difference(const Json& header, const Json& other);

}  // namespace moesim::kernels
