// What goes wrong in the kernels. `kernels/` knows nothing of sim/, so it has its own.
#pragma once

#include <stdexcept>
#include <string>

namespace moesim::kernels {

// A failed call of CUDA, cuBLAS or NCCL, or a device that is not there.
class DeviceError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Arguments that no backend, or not this one on this device, can run. Says what would.
class UnsupportedError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

// Throws UnsupportedError with the message unless the condition holds.
inline void require(bool condition, const std::string& message) {
  if (!condition) throw UnsupportedError(message);
}

}  // namespace moesim::kernels
