// What a GPU does around an all-to-all of tokens: fill send buffers, sum up what comes back.
#pragma once

#include <memory>

#include "kernels/device.hpp"
#include "kernels/pack_arguments.hpp"

namespace moesim::kernels {

class PackKernels {
 public:
  virtual ~PackKernels() = default;
  // All throw UnsupportedError for sizes or pointers outside what is stated above.
  virtual std::unique_ptr<Work> destinations(const DestinationArguments& arguments) = 0;
  virtual std::unique_ptr<Work> pack(const PackArguments& arguments) = 0;
  virtual std::unique_ptr<Work> combine(const CombineArguments& arguments) = 0;
};

void check(const DestinationArguments& arguments);
void check(const PackArguments& arguments);
void check(const CombineArguments& arguments);

}  // namespace moesim::kernels
