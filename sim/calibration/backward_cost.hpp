// What backward passes cost, from the shapes of their forward passes.
//
// Each product Y = X·W has two in its backward pass, dX = dY·Wᵀ and dW = Xᵀ·dY, of as many FLOPs
// each. dX is a product of the same rows. dW contracts over the rows, reads no weights, and adds up
// its result in the epilogue (Megatron-LM's gradient accumulation fusion), so that of experts it is
// grouped products whose inner dimension is what came to an expert. FlashAttention-2 computes five
// products where its forward pass has two (Dao 2023, section 3.1). Both classes are cost models:
// whoever asks them for a forward pass gets the price of that part of its backward pass. No
// calibration has measured backward kernels: products cost what forward ones of their shapes do.
#pragma once

#include "sim/model/cost_model.hpp"

namespace moesim {

// Asks another model for everything.
class BackwardCost : public CostModel {
 public:
  explicit BackwardCost(const CostModel& forward) : forward_(forward) {}
  ExchangeCost exchange(const std::string& library, const std::string& phase,
                        bool crosses_nodes) const final {
    return forward_.exchange(library, phase, crosses_nodes);
  }
  CollectiveChoice collective(CollectiveKind kind, const CollectiveGroup& group, Bytes size,
                              const PortRates& rates, const std::string& library) const final {
    return forward_.collective(kind, group, size, rates, library);
  }
  std::vector<HeldOutError> errors() const final { return forward_.errors(); }
  std::vector<std::string> warnings() const final { return forward_.warnings(); }
  std::vector<std::string> names() const final { return forward_.names(); }

 protected:
  const CostModel& forward_;
};

// The gradients of inputs. Those of experts take their forward kernel, whose products are the same
// with the weights transposed, and what the activation function moves beyond its forward pass.
// `elementwise_again`: norms and the like are recomputed first.
class InputGradientCost final : public BackwardCost {
 public:
  InputGradientCost(const CostModel& forward, bool elementwise_again)
      : BackwardCost(forward), elementwise_again_(elementwise_again) {}
  KernelTime experts(const ExpertWork& work) const override;
  KernelTime gemm(const GemmWork& work) const override;
  KernelTime attention(const AttentionWork& work) const override;
  KernelTime gate(const GateWork& work) const override { return forward_.gate(work); }
  KernelTime memory_pass(Bytes bytes) const override;

 private:
  bool elementwise_again_ = false;
};

// The gradients of weights, each added to a sum of `gradient_bytes` a parameter. All experts with
// rows count as having the mean of their rows: the products' tiles are many, and their time is in
// proportion to the inner dimension.
class WeightGradientCost final : public BackwardCost {
 public:
  WeightGradientCost(const CostModel& forward, double gradient_bytes)
      : BackwardCost(forward), gradient_bytes_(gradient_bytes) {}
  KernelTime experts(const ExpertWork& work) const override;
  KernelTime gemm(const GemmWork& work) const override;
  KernelTime attention(const AttentionWork&) const override { return {}; }
  KernelTime gate(const GateWork&) const override { return {}; }
  KernelTime memory_pass(Bytes) const override { return {}; }

 private:
  KernelTime product(double rows, double n, double k, double groups, DType dtype) const;

  double gradient_bytes_ = 4;
};

}  // namespace moesim
