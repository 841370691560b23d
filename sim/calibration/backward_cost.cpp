#include "sim/calibration/backward_cost.hpp"

#include <algorithm>
#include <numeric>

namespace moesim {

KernelTime InputGradientCost::gemm(const GemmWork& work) const {
  GemmWork backward = work;
  std::swap(backward.n, backward.k);
  return forward_.gemm(backward);
}

// Forward it reads so many values of a row and writes one; backward it reads them and a gradient,
// and writes the gradients of all, at 16 bits.
KernelTime InputGradientCost::experts(const ExpertWork& work) const {
  const double routes = std::accumulate(work.tokens.begin(), work.tokens.end(), 0.0);
  KernelTime time = forward_.experts(work);
  time += forward_.memory_pass(Bytes(2 * routes * (work.matrices - 1.0) * work.width));
  return time;
}

KernelTime InputGradientCost::attention(const AttentionWork& work) const {
  constexpr double kProducts = 5.0 / 2;  // of the backward pass, for each of the forward pass
  const KernelTime forward = forward_.attention(work);
  return {.compute = forward.compute * kProducts, .memory = forward.memory * kProducts};
}

// Forward reads the input and writes the output; backward reads the input and the output's
// gradient, and writes the input's.
KernelTime InputGradientCost::memory_pass(Bytes bytes) const {
  return forward_.memory_pass(bytes * (elementwise_again_ ? 2.5 : 1.5));
}

// The gemm's price has the gradient brought to 8 bits, this the input: each along the rows, unlike
// in the other two passes (DeepSeek-V3, section 3.3.2).
KernelTime WeightGradientCost::product(double rows, double n, double k, double groups,
                                       DType dtype) const {
  KernelTime time = forward_.gemm({.m = n,
                                   .n = k,
                                   .k = rows,
                                   .dtype = dtype,
                                   .groups = groups,
                                   .result_bytes = 2 * gradient_bytes_});
  const double element = bytes_per_parameter(dtype);
  if (element < 2) time += forward_.memory_pass(Bytes(groups * rows * k * (2 + element)));
  return time;
}

KernelTime WeightGradientCost::gemm(const GemmWork& work) const {
  return product(work.m, work.n, work.k, work.groups, work.dtype);
}

KernelTime WeightGradientCost::experts(const ExpertWork& work) const {
  const auto active =
      std::count_if(work.tokens.begin(), work.tokens.end(), [](int rows) { return rows > 0; });
  if (active == 0) return {};
  const auto groups = static_cast<double>(active);
  const double rows = std::accumulate(work.tokens.begin(), work.tokens.end(), 0.0) / groups;
  KernelTime time =
      product(rows, (work.matrices - 1.0) * work.width, work.hidden, groups, work.dtype);
  time += product(rows, work.hidden, work.width, groups, work.dtype);
  return time;
}

}  // namespace moesim
