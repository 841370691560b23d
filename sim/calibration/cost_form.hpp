// A form of a cost model: how the time of one kernel follows from what it is asked to do.
//
// A form is a plug-in (one .cpp in this folder) whose parameters are the coefficients that a
// calibration file holds.
#pragma once

#include <string>

#include "sim/base/registry.hpp"
#include "sim/model/cluster.hpp"
#include "sim/model/cost_model.hpp"

namespace moesim {

// One call of a kernel, as far as any form may look at it.
struct KernelWork {
  double tokens = 0;  // rows of its activations
  double flops = 0;   // floating-point operations
  double bytes = 0;   // read or written at least once
  DType dtype = DType::kBf16;
  const ExpertWork* experts = nullptr;  // of the grouped expert FFN only
};

// The GPU that a kernel runs on.
struct FormGpu {
  const GpuSpec& spec;
  // Factor on measured memory traffic that has no datasheet rate in it: 1, or the ratio of memory
  // bandwidths where coefficients are moved to another GPU.
  double traffic_scale = 1;
};

// The values of one input that a form was measured on.
struct AxisRange {
  std::string axis;
  double low = 0;
  double high = 0;
};

struct FormTime {
  KernelTime time;
  const AxisRange* outside = nullptr;  // the range that was left, if the form knows one
};

class CostForm {
 public:
  static constexpr const char* kRole = "cost_form";
  virtual ~CostForm() = default;
  virtual FormTime time(const KernelWork& work, const FormGpu& gpu) const = 0;
};

}  // namespace moesim
