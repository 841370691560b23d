// A form of a cost model: how the time of one kernel follows from what it is asked to do.
//
// A form is a plug-in (one .cpp in this folder) whose parameters are the coefficients that a
// calibration file holds.
#pragma once

#include <optional>
#include <string>

#include "sim/base/registry.hpp"
#include "sim/model/cluster.hpp"
#include "sim/model/cost_model.hpp"

namespace moesim {

// One call of a kernel, as far as any form may look at it. At most one of the pointers is set.
struct KernelWork {
  double tokens = 0;  // rows of its activations
  double flops = 0;   // floating-point operations
  double bytes = 0;   // read or written at least once
  DType dtype = DType::kBf16;
  const ExpertWork* experts = nullptr;
  const GemmWork* gemm = nullptr;
  const AttentionWork* attention = nullptr;
  const GateWork* gate = nullptr;
};

// The kernel keeps a pointer to the work.
KernelWork kernel_work(const ExpertWork& work);
KernelWork kernel_work(const GemmWork& work);
KernelWork kernel_work(const AttentionWork& work);
KernelWork kernel_work(const GateWork& work);

// Kernels that a host launches for one call. Experts: sorting routes (2), permutation and
// quantisation, two products, activation, weighted sum; attention: position embedding, update of
// the cache, core; a GEMM in 8 bits quantises first.
int launches_of(const KernelWork& work);

// "mla", or "gqa" for every kernel that caches keys and values of heads.
std::string core_name(AttentionKind kind);

// An input of the work by the name that ranges in calibration files give it; none where the work
// has no such input.
std::optional<double> axis_value(const std::string& axis, const KernelWork& work);

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
  // Whether the library takes this kernel for the work; the next entry of the file is asked else.
  virtual bool takes(const KernelWork&, const FormGpu&) const { return true; }
  // The kernel that the form can stand under; empty: any.
  virtual std::string only_kernel() const { return {}; }
};

}  // namespace moesim
