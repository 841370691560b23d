// Moving bytes, and what a launch costs: the probes that bound every other kernel.
#pragma once

#include <memory>

#include "kernels/copy_arguments.hpp"
#include "kernels/device.hpp"

namespace moesim::kernels {

class CopyKernels {
 public:
  virtual ~CopyKernels() = default;
  // All throw UnsupportedError for sizes or pointers outside what is stated above.
  virtual std::unique_ptr<Work> copy(const CopyArguments& arguments) = 0;
  virtual std::unique_ptr<Work> processor_copy(const ProcessorCopyArguments& arguments) = 0;
  virtual std::unique_ptr<Work> memory_pass(const MemoryPassArguments& arguments) = 0;
  // A kernel that does nothing: time a stream of them, and a captured graph of them.
  virtual std::unique_ptr<Work> nothing() = 0;
};

void check(const CopyArguments& arguments);
void check(const ProcessorCopyArguments& arguments, int processors);
void check(const MemoryPassArguments& arguments);

}  // namespace moesim::kernels
