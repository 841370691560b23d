// A cost model in which a FLOP takes a second and a byte takes a second: times are counts.
#pragma once

#include <numeric>

#include "sim/model/cost_model.hpp"

namespace moesim {

class FlopCounter : public CostModel {
 public:
  KernelTime experts(const ExpertWork& work) const override {
    const double rows = std::accumulate(work.tokens.begin(), work.tokens.end(), 0.0);
    return {.compute = Seconds(2.0 * work.matrices * work.hidden * work.width * rows)};
  }
  KernelTime gemm(const GemmWork& work) const override {
    return {.compute = Seconds(2 * work.groups * work.m * work.n * work.k)};
  }
  KernelTime attention(const AttentionWork& work) const override {
    return {.compute = Seconds(work.flops), .memory = Seconds(work.kv_read)};
  }
  KernelTime gate(const GateWork& work) const override {
    return {.memory = Seconds(work.tokens * work.experts * 4)};
  }
  KernelTime memory_pass(Bytes bytes) const override { return {.memory = Seconds(bytes.value)}; }
  ExchangeCost exchange(const std::string&, const std::string&, bool) const override { return {}; }
  CollectiveChoice collective(CollectiveKind, const CollectiveGroup&, Bytes, const PortRates&,
                              const std::string&) const override {
    return {};
  }
  std::vector<HeldOutError> errors() const override { return {}; }
  std::vector<std::string> warnings() const override { return {}; }
  std::vector<std::string> names() const override { return {}; }
};

}  // namespace moesim
