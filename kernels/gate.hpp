// The gate: router logits, and from them k experts and their weights for every token.
#pragma once

#include <memory>

#include "kernels/device.hpp"
#include "kernels/gate_arguments.hpp"

namespace moesim::kernels {

class GateKernels {
 public:
  virtual ~GateKernels() = default;
  // Both throw UnsupportedError for sizes or pointers outside what is stated above.
  virtual std::unique_ptr<Work> logits(const LogitsArguments& arguments) = 0;
  virtual std::unique_ptr<Work> route(const RouteArguments& arguments) = 0;
};

void check(const LogitsArguments& arguments);
void check(const RouteArguments& arguments);

}  // namespace moesim::kernels
