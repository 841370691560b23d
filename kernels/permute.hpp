// From token order to expert order and back.
#pragma once

#include <memory>

#include "kernels/device.hpp"
#include "kernels/permute_arguments.hpp"

namespace moesim::kernels {

class PermuteKernels {
 public:
  virtual ~PermuteKernels() = default;
  // All throw UnsupportedError for sizes or pointers outside what is stated above.
  virtual std::unique_ptr<Work> plan(const PlanArguments& arguments) = 0;
  virtual std::unique_ptr<Work> scatter(const ScatterArguments& arguments) = 0;
  virtual std::unique_ptr<Work> unpermute(const UnpermuteArguments& arguments) = 0;
};

void check(const PermuteShape& shape);
void check(const PlanArguments& arguments);
void check(const ScatterArguments& arguments);
void check(const UnpermuteArguments& arguments);

}  // namespace moesim::kernels
