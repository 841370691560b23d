#include "sim/calibration/backward_cost.hpp"

#include <algorithm>

namespace moesim {

KernelTime InputGradientCost::gemm(const GemmWork& work) const {
  GemmWork backward = work;
  std::swap(backward.n, backward.k);
  return forward_.gemm(backward);
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

KernelTime WeightGradientCost::add_up(double parameters) const {
  return forward_.memory_pass(Bytes(2 * gradient_bytes_ * parameters));
}

KernelTime WeightGradientCost::gemm(const GemmWork& work) const {
  GemmWork backward = work;
  backward.m = work.n;
  backward.n = work.k;
  backward.k = work.m;
  KernelTime time = forward_.gemm(backward);
  time += add_up(work.groups * work.n * work.k);
  return time;
}

KernelTime WeightGradientCost::experts(const ExpertWork& work) const {
  const auto active =
      std::count_if(work.tokens.begin(), work.tokens.end(), [](int rows) { return rows > 0; });
  KernelTime time = forward_.experts(work);
  time += add_up(1.0 * static_cast<double>(active) * work.matrices * work.hidden * work.width);
  return time;
}

}  // namespace moesim
