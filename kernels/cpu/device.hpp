// The host as a device: memory is the heap, work runs at once in the calling thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "kernels/device.hpp"

namespace moesim::kernels {

// `library`: what multiplies matrices, for the facts.
std::shared_ptr<Device> make_host_device(std::string backend, std::string library, int threads);

// Work that is a call.
std::unique_ptr<Work> call(std::function<void()> function);

}  // namespace moesim::kernels
