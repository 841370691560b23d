// Kernels with their fits, as a calibration file will list them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/calibration/fit.hpp"
#include "sim/calibration/kernel_fit.hpp"

namespace moesim {

// A fused MoE kernel and its fit.
struct FittedKernel {
  std::string framework, kernel_source;
  DType dtype = DType::kBf16;
  int matrices = 3;
  double tile = 64;  // rows that the compute of an expert is padded to
  std::vector<AxisRange> ranges;
  PnormFit fit;
};

// Any other kernel.
struct FittedForm {
  std::string kernel;          // as in kernel_names()
  std::string attention;       // mla or gqa; empty: not an attention kernel
  std::optional<DType> dtype;  // none: any
  std::string kernel_source;
  std::vector<AxisRange> ranges;
  KernelFit fit;
};

}  // namespace moesim
